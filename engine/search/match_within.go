package search

import (
	"context"

	"github.com/inglehealth/ingle/spec/fhir"
)

// matchWithin looks whether doc refers to x's resource or to one below it (or
// above it), each looked at once, so that circles end.
func matchWithin(ctx context.Context, x Within, doc *Document, src Source) (bool, error) {
	start := fhir.Key{Type: fhir.Type(x.Type), ID: fhir.ID(x.ID)}
	family := map[fhir.Key]bool{start: true}
	for next := []fhir.Key{start}; len(next) > 0; {
		var found []fhir.Key
		for _, key := range next {
			kin, err := x.next(ctx, key, src)
			if err != nil {
				return false, err
			}
			for _, k := range kin {
				if !family[k] {
					family[k] = true
					found = append(found, k)
				}
			}
		}
		next = found
	}
	for e := range doc.named(x.Param) {
		if to, ok := e.target(); ok && family[to] {
			return true, nil
		}
	}
	return false, nil
}

// next are the resources one step below key, or above it.
func (x Within) next(ctx context.Context, key fhir.Key, src Source) (kin []fhir.Key, err error) {
	if !x.Above {
		for c, err := range src.Referrers(ctx, x.Type, x.Via, key) {
			if err != nil {
				return nil, err
			}
			ok, err := Match(ctx, x.Through, c, src)
			if err != nil {
				return nil, err
			}
			if ok {
				kin = append(kin, c.Key)
			}
		}
		return kin, nil
	}
	d, err := src.Get(ctx, key)
	if d == nil || err != nil {
		return nil, err
	}
	if ok, err := Match(ctx, x.Through, d, src); !ok || err != nil {
		return nil, err
	}
	for e := range d.named(x.Via) {
		if to, ok := e.target(); ok && to.Type == key.Type {
			kin = append(kin, to)
		}
	}
	return kin, nil
}
