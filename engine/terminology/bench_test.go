package terminology

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
)

// million is a service with a code system of a million codes, ten to a parent,
// and the value set urn:set of all below one.
func million(b *testing.B) *Service {
	b.Helper()
	cs := &definitions.CodeSystem{Canonical: definitions.Canonical{URL: "urn:million"}, Content: "complete", Concepts: make([]definitions.Concept, 1_000_000)}
	for i := range cs.Concepts {
		cs.Concepts[i] = definitions.Concept{Code: fmt.Sprint("c", i), Display: fmt.Sprint("Concept ", i)}
		if i > 0 {
			cs.Concepts[i].Properties = []definitions.ConceptValue{{Code: "parent", Type: "valueCode", Value: fmt.Sprint("c", (i-1)/10)}}
		}
	}
	r := &Resources{codeSystems: []*CodeSystem{NewCodeSystem(cs)}}
	if err := r.Add([]byte(valueSet(`{"include":[{"system":"urn:million","filter":[{"property":"concept","op":"is-a","value":"c1"}]}]}`))); err != nil {
		b.Fatal(err)
	}
	return NewService(New(definitions.MustBuiltIn(definitions.R4)), r)
}

func BenchmarkAMillionCodes(b *testing.B) {
	s := million(b)
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Expand(b.Context(), ExpandRequest{URL: "urn:set", Count: 100, Offset: 1000}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("filter", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Expand(b.Context(), ExpandRequest{URL: "urn:set", Filter: "concept 1111", Count: 100, Offset: -1}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("member", func(b *testing.B) {
		for b.Loop() {
			if a, err := s.Member(b.Context(), "urn:set", Coding{"urn:million", "c111111"}); a != Yes || err != nil {
				b.Fatal(a, err)
			}
		}
	})
	b.Run("codes", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Codes(b.Context(), "urn:set", 1_000_000); err != nil {
				b.Fatal(err)
			}
		}
	})
}
