package records

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
)

// toWalk is a text for the walks of types ("" for all) that this process can
// do, which changes when one of them becomes another.
func (x *indexes) toWalk(types []fhir.Type) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	h := fnv.New64a()
	for _, k := range x.keysOf(&x.state, types) {
		t := x.state.Types[k]
		fmt.Fprintln(h, k.Release, k.Type, t.Walk, t.Print == x.printsOf(k).of)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// keysOf are the keys of types that are in the state and that this process has
// the definitions for, sorted. The state is not changed meanwhile.
func (x *indexes) keysOf(s *indexState, types []fhir.Type) []indexKey {
	var keys []indexKey
	for k := range s.Types {
		if (slices.Contains(types, k.Type) || slices.Contains(types, "")) && x.printsOf(k) != nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, indexKey.compare)
	return keys
}

// walked ends the walks of types if they are still those of toWalk.
func (x *indexes) walked(ctx context.Context, types []fhir.Type, toWalk string) error {
	if x.toWalk(types) != toWalk {
		return nil // another one was begun meanwhile, and will be done
	}
	return x.update(ctx, func(s *indexState) error {
		for _, k := range x.keysOf(s, types) {
			if t := s.Types[k]; t.Walk > 0 && t.Print == x.printsOf(k).of {
				t.complete()
			}
		}
		return nil
	})
}

// demand begins walks of types ("" for all), whether or not anything lacks rows.
func (x *indexes) demand(ctx context.Context, types []fhir.Type) error {
	return x.update(ctx, func(s *indexState) error {
		for _, k := range x.keysOf(s, types) {
			x.walk(s, s.Types[k])
		}
		return nil
	})
}

// complete says that all rows are there.
func (t *typeIndex) complete() {
	done := map[string]string{}
	for _, codes := range []map[string]string{t.Done, t.Build} {
		for code, print := range codes {
			done[code] = print
		}
	}
	*t = typeIndex{Print: t.Print, Done: done}
}
