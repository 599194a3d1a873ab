package search_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestATreeIsPutIntoWords(t *testing.T) {
	catalog, err := search.NewCatalog(definitions.MustBuiltIn(definitions.R4), "https://ehr.example/fhir")
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"code=http://loinc.org|1-2":   `Observation.code is "1-2" of "http://loinc.org"`,
		"code=1-2,3-4":                `any of(Observation.code is "1-2" of any system; Observation.code is "3-4" of any system)`,
		"code:not=1-2":                `not(Observation.code is "1-2" of any system)`,
		"date=ge2024":                 `Observation.date is or reaches above [2024-01-01T00:00:00Z, 2025-01-01T00:00:00Z)`,
		"subject=Patient/p":           `Observation.subject refers to "Patient/p"`,
		"subject:Patient.name=ann":    `any of(Observation.subject refers to a Patient with(Patient.name begins with "ann"); Observation.subject#Patient.name begins with "ann")`,
		"code:missing=true":           `Observation.code has no value`,
		"_id=a,b":                     `id is "a" or "b"`,
		"value-quantity=gt5":          `Observation.value-quantity reaches above 5 (4.5 to 5.5), any unit`,
		"code-value-quantity=1-2$gt5": `Observation.code-value-quantity: one value with(token is "1-2" of any system; quantity reaches above 5 (4.5 to 5.5), any unit)`,
		"":                            "every resource",
	} {
		var pairs []search.Pair
		if name, value, ok := strings.Cut(query, "="); ok {
			pairs = []search.Pair{{Name: name, Value: value}}
		}
		q, err := catalog.Parse("Observation", pairs, search.ParseOptions{})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := flat(search.Describe(q.Filter)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func flat(n search.Node) string {
	if len(n.Parts) == 0 {
		return n.Text
	}
	var parts []string
	for _, p := range n.Parts {
		parts = append(parts, flat(p))
	}
	return n.Text + "(" + strings.Join(parts, "; ") + ")"
}
