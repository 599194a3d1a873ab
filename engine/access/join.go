package access

import (
	"maps"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
)

// join is one filter over several types, of each of which filter gives its own.
// Types that are asked the same are asked together, so that a search over all
// types asks about a dozen things and not about every type. It is nil when all
// resources of all types here are let pass.
func (o *Ownership) join(types []string, filter func(typeName string) search.Expr) search.Expr {
	var open search.TypeIs
	var any, parts search.Or
	shared := map[*search.Expr][]string{} // types by the expression that their filters share
	alike := map[string][]string{}        // types by the code of their owner
	owners := map[string]search.Reference{}
	for _, t := range types {
		switch x := filter(t).(type) {
		case nil:
			open = append(open, t)
		case search.Or:
			if len(x) == 0 {
				continue
			}
			same := shared[&x[0]]
			if shared[&x[0]] = append(same, t); same == nil {
				parts = append(parts, x)
			}
		case search.Reference:
			if p, ok := o.catalogs[0].Param(t, x.Param.Code); ok && p == x.Param {
				alike[p.Code] = append(alike[p.Code], t)
				owners[p.Code] = x
				continue
			}
			any = append(any, search.And{search.TypeIs{t}, x})
		default:
			any = append(any, search.And{search.TypeIs{t}, x})
		}
	}
	if len(open) == len(types) && len(types) > 0 {
		return nil
	}
	for _, x := range parts {
		any = append(any, search.And{search.TypeIs(shared[&x.(search.Or)[0]]), x})
	}
	if len(open) > 0 {
		any = append(any, open)
	}
	for _, code := range slices.Sorted(maps.Keys(alike)) {
		x := owners[code]
		x.Param = o.catalogs[0].Over(alike[code], code)
		any = append(any, search.And{search.TypeIs(alike[code]), x})
	}
	return any
}
