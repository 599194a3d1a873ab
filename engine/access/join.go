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
	j := joint{o: o, shared: map[*search.Expr][]string{}, alike: map[string][]string{}, owners: map[string]search.Reference{}}
	for _, t := range types {
		j.add(t, filter(t))
	}
	if len(j.open) == len(types) && len(types) > 0 {
		return nil
	}
	return j.expr()
}

// joint is a filter in the making.
type joint struct {
	o      *Ownership
	open   search.TypeIs               // types all of whose resources pass
	parts  []search.And                // what types share, in the order in which it first came
	shared map[*search.Expr][]string   // the types of a part, by its first element
	alike  map[string][]string         // types by the parameter of their owner
	owners map[string]search.Reference // of the first of them
	others search.Or
}

func (j *joint) add(t string, x search.Expr) {
	switch x := x.(type) {
	case nil:
		j.open = append(j.open, t)
	case search.Or:
		for _, one := range x {
			j.add(t, one)
		}
	case search.And:
		if len(x) == 0 {
			j.open = append(j.open, t)
			return
		}
		if j.shared[&x[0]] == nil {
			j.parts = append(j.parts, x)
		}
		j.shared[&x[0]] = append(j.shared[&x[0]], t)
	case search.Reference:
		p, ok := j.o.catalogs[0].Param(t, x.Param.Code)
		if !ok || p != x.Param {
			j.others = append(j.others, search.And{search.TypeIs{t}, x})
			return
		}
		if j.alike[p.Code] == nil {
			j.owners[p.Code] = x
		}
		j.alike[p.Code] = append(j.alike[p.Code], t)
	default:
		j.others = append(j.others, search.And{search.TypeIs{t}, x})
	}
}

func (j *joint) expr() search.Expr {
	var any search.Or
	if len(j.open) > 0 {
		any = append(any, j.open)
	}
	for _, code := range slices.Sorted(maps.Keys(j.alike)) {
		x := j.owners[code]
		x.Param = j.o.catalogs[0].Over(j.alike[code], code)
		any = append(any, search.And{search.TypeIs(j.alike[code]), x})
	}
	any = append(any, j.others...)
	for _, x := range j.parts {
		any = append(any, search.And{search.TypeIs(j.shared[&x[0]]), x})
	}
	return any
}
