package search

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// r4 is the catalog that most tests use.
func r4(t testing.TB) *Catalog {
	t.Helper()
	c, err := NewCatalog(definitions.MustBuiltIn(definitions.R4), "https://fhir.example.org/r4")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantProblems are the parameters that cannot be searched by, with how many
// resource types have them.
var wantProblems = map[string]map[string]int{
	"r4": {
		"_content (special): this server does not index all text; start it with --index-content, then reindex": 146,
		"_query (token): its definition has no expression":                                                     146,
	},
	"r4b": {
		"_content (special): this server does not index all text; start it with --index-content, then reindex": 141,
		"_query (token): its definition has no expression":                                                     141,
	},
	"us core": {
		"_content (special): this server does not index all text; start it with --index-content, then reindex": 146,
		"_query (token): its definition has no expression":                                                     146,
	},
	"r5": {
		"_content (special): this server does not index all text; start it with --index-content, then reindex":                                                  158,
		"_query (special): parameters of type special are not supported":                                                                                        158,
		"code-value-concept (composite): the expression is not right: line 1, column 1: Device has no element specification":                                    1,
		"contains (special): parameters of type special are not supported":                                                                                      1,
		"form (token): its definition has no expression":                                                                                                        1,
		"location-period (composite): the definition of its component http://hl7.org/fhir/SearchParameter/Encounter-period is not known":                        1,
		"packaging-cost (quantity): its definition has no expression":                                                                                           1,
		"packaging-cost-concept (token): its definition has no expression":                                                                                      1,
		"progress-status-state-actual (composite): the definition of its component http://hl7.org/fhir/SearchParameter/ResearchStudy-state is not known":        1,
		"progress-status-state-period (composite): the definition of its component http://hl7.org/fhir/SearchParameter/ResearchStudy-state is not known":        1,
		"progress-status-state-period-actual (composite): the definition of its component http://hl7.org/fhir/SearchParameter/ResearchStudy-state is not known": 1,
		"reason (token): its definition has no expression":                                                                                                      1,
		"scope-artifact-conformance (composite): the definition of its component http://hl7.org/fhir/SearchParameter/TestScript-artifact is not known":          1,
		"scope-artifact-phase (composite): the definition of its component http://hl7.org/fhir/SearchParameter/TestScript-artifact is not known":                1,
		"section-code-text (composite): its component section-text is of type special":                                                                          1,
		"section-text (special): parameters of type special are not supported":                                                                                  1,
		"specification-version (composite): the definition of its component http://hl7.org/fhir/SearchParameter/DeviceDefinition-version is not known":          1,
		"strength-concentration-ratio (composite): the definition of its component http://hl7.org/fhir/SearchParameter/Ingredient-numerator is not known":       1,
		"strength-presentation-ratio (composite): the definition of its component http://hl7.org/fhir/SearchParameter/Ingredient-numerator is not known":        1,
		"topic (token): its expression says nothing about EvidenceVariable":                                                                                     1,
	},
}

func TestParametersThatCannotBeSearchedByAreListedWithAReason(t *testing.T) {
	for name, want := range wantProblems {
		t.Run(name, func(t *testing.T) {
			c, err := NewCatalog(release(t, name), "")
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, typeName := range c.Definitions().ResourceTypes() {
				if c.Definitions().Additional(typeName) {
					continue
				}
				for _, p := range c.Parameters(typeName) {
					if p.Problem != "" {
						got[p.Code+" ("+string(p.Kind)+"): "+p.Problem]++
					}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAGuidesParametersAreSearchedBy(t *testing.T) {
	c, err := NewCatalog(release(t, "us core"), "")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := fhir.ParseJSON(c.Definitions(), []byte(`{"resourceType":"Patient","id":"p","extension":[
		{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[
			{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3","display":"White"}},
			{"url":"text","valueString":"White"}]}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := c.Extract(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Parse("Patient", []Pair{{"race", "2106-3"}}, ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	doc := &Document{Key: fhir.Key{Type: "Patient", ID: "p"}, Entries: entries}
	if ok, err := Match(t.Context(), q.Filter, doc, nil); !ok || err != nil {
		t.Errorf("race=2106-3 does not find the patient: %v, entries %+v", err, entries)
	}
}

func TestABaseURLMustBeAbsolute(t *testing.T) {
	for _, base := range []string{"fhir", "/fhir", "ftp://example.org", "http://", "https://example.org/fhir?x=1"} {
		if _, err := NewCatalog(definitions.MustBuiltIn(definitions.R4), base); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
}
