package terminology

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Whatever a value set and a code system say, the answers are JSON and come to
// an end.
func FuzzAnExpansionIsJSON(f *testing.F) {
	f.Add(animals, valueSet(`{"include":[{"system":"urn:animals","filter":[{"property":"concept","op":"is-a","value":"mammal"}]}]}`))
	f.Add(`{"resourceType":"CodeSystem","url":"urn:animals","concept":[{"code":"a","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/itemWeight","valueString":"}"}],"property":[{"code":"status","valueCode":"\u0000\""}]}]}`,
		valueSet(`{"include":[{"valueSet":["urn:set"]},{"system":"urn:animals","concept":[{"code":"a"}]}],"exclude":[{"system":"urn:animals"}]}`))
	c := New(definitions.MustBuiltIn(definitions.R4))
	f.Fuzz(func(t *testing.T, system, set string) {
		r := new(Resources)
		if r.Add([]byte(system)) != nil || r.Add([]byte(set)) != nil {
			return
		}
		s := NewService(c, r)
		for _, v := range r.valueSets {
			e, err := s.Expand(t.Context(), ExpandRequest{ValueSet: v, Count: -1, Offset: -1, IncludeDesignations: true, IncludeDefinition: true, Properties: []string{"status", "legs"}})
			if err != nil {
				continue
			}
			for _, release := range []definitions.Release{definitions.R4, definitions.R5} {
				if json := e.JSON(release); !jsontext.Value(json).IsValid(jsontext.AllowDuplicateNames(true)) {
					t.Errorf("%s", json)
				}
			}
		}
	})
}
