package records

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// arriving refuses the items that refer to versions that neither are here nor
// are made with these items.
func (g *LoadGroup) arriving(ctx context.Context, items []int) ([]int, error) {
	var waiting []int
	var targets []fhir.Key
	for _, i := range items {
		if w := g.items[i].w; len(w.awaited) > 0 {
			waiting = append(waiting, i)
			for _, a := range w.awaited {
				targets = append(targets, a.key)
			}
		}
	}
	if waiting == nil {
		return items, nil
	}
	var known map[fhir.Key]store.VersionInfo
	err := g.s.door.store.Import(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		known, err = tx.Versions(ctx, targets)
		return err
	})
	if err != nil {
		return nil, err
	}
	// What is refused makes no version, so that others may be refused for it.
	for again := true; again; {
		again = false
		versions := make(map[fhir.Key]int64, len(known)+len(items))
		for key, v := range known {
			versions[key] = v.Version
		}
		for _, i := range items {
			versions[g.items[i].w.key] = g.items[i].write.Expect + 1
		}
		items = slices.DeleteFunc(items, func(i int) bool {
			err := g.items[i].w.arrives(versions)
			if err != nil {
				again = true
				g.refuse(i, err)
			}
			return err != nil
		})
	}
	return items, nil
}

// strip refuses the items that refer to missing resources, and then those that
// refer to them.
func (g *LoadGroup) strip(items []int, e *store.MissingError) []int {
	lost := map[fhir.Key]bool{}
	for _, k := range e.Keys {
		lost[k] = true
	}
	for again := true; again; {
		again = false
		items = slices.DeleteFunc(items, func(i int) bool {
			it := &g.items[i]
			var missed store.MissingError
			for _, n := range it.w.needs {
				if lost[n.key] {
					missed.Keys = append(missed.Keys, n.key)
				}
			}
			if missed.Keys == nil {
				return false
			}
			again = true
			if it.write.Expect == 0 { // else an earlier version is there
				lost[it.w.key] = true
			}
			g.result[i].Missing = missed.Keys
			g.refuse(i, missing(&missed, it.w))
			return true
		})
	}
	return items
}
