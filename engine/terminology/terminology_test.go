package terminology

import (
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
)

func TestACodeIsInAValueSetOrNot(t *testing.T) {
	c := New(definitions.MustBuiltIn(definitions.R4))
	for _, k := range []struct {
		set, system, code string
		want              Answer
	}{
		{"http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1", "", "female", Yes},
		{"http://hl7.org/fhir/ValueSet/administrative-gender", "", "femail", No},
		{"http://hl7.org/fhir/ValueSet/administrative-gender", "http://hl7.org/fhir/administrative-gender", "male", Yes},
		{"http://hl7.org/fhir/ValueSet/administrative-gender", "http://example.org", "male", No},
		{"http://hl7.org/fhir/ValueSet/condition-clinical", "http://terminology.hl7.org/CodeSystem/condition-clinical", "recurrence", Yes},
		{"http://hl7.org/fhir/ValueSet/mimetypes", "", "text/plain; charset=utf-8", Yes},
		{"http://hl7.org/fhir/ValueSet/mimetypes", "", "plain text", No},
		{"http://hl7.org/fhir/ValueSet/currencies", "", "USD", Yes},
		{"http://hl7.org/fhir/ValueSet/currencies", "", "dollar", No},
		{"http://hl7.org/fhir/ValueSet/ucum-units", "http://unitsofmeasure.org", "mg/dL", Yes},
		{"http://hl7.org/fhir/ValueSet/ucum-units", "http://unitsofmeasure.org", "milligrams", No},
		{"http://hl7.org/fhir/ValueSet/languages", "urn:ietf:bcp:47", "en-US", Yes},
		{"http://hl7.org/fhir/ValueSet/languages", "urn:ietf:bcp:47", "EN-us", Yes},
		{"http://hl7.org/fhir/ValueSet/languages", "urn:ietf:bcp:47", "en-ZZ", No},
		{"http://hl7.org/fhir/ValueSet/all-types", "", "Patient", Yes},
		{"http://hl7.org/fhir/ValueSet/all-types", "", "Any", Yes},
		{"http://hl7.org/fhir/ValueSet/condition-code", "http://snomed.info/sct", "38341003", Unknown},
		{"http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB", Yes},
		{"http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", "http://terminology.hl7.org/CodeSystem/v3-ActCode", "ABCCODES", No},
		{"http://example.org/ValueSet/none", "", "a", Unknown},
	} {
		got := c.Set(k.set).Has(k.system, k.code)
		if k.system == "" {
			got = c.Set(k.set).HasCode(k.code)
		}
		if got != k.want {
			t.Errorf("%s has %s|%s: %d, want %d", k.set, k.system, k.code, got, k.want)
		}
	}
}

func TestAConceptSubsumesTheOnesBelowIt(t *testing.T) {
	c := New(definitions.MustBuiltIn(definitions.R4))
	const system = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
	for _, k := range []struct{ a, b, want string }{
		{"FAMMEMB", "MTH", "subsumes"},
		{"MTH", "FAMMEMB", "subsumed-by"},
		{"MTH", "MTH", "equivalent"},
		{"MTH", "FTH", "not-subsumed"},
		{"MTH", "nobody", ""},
	} {
		if got := c.Subsumes(system, k.a, k.b); got != k.want {
			t.Errorf("%s and %s: %q, want %q", k.a, k.b, got, k.want)
		}
	}
}

func TestEveryRequiredBindingOfAReleaseCanBeAnswered(t *testing.T) {
	unanswerable := map[string]string{
		"http://loinc.org/vs/LL379-9":                                  "the answer list is LOINC's own",
		"http://terminology.hl7.org/ValueSet/v3-Confidentiality|2.0.0": "R4B leaves v3 to the package hl7.terminology",
	}
	for _, r := range []definitions.Release{definitions.R4, definitions.R4B} {
		d := definitions.MustBuiltIn(r)
		c := New(d)
		for _, name := range d.ResourceTypes() {
			for _, e := range d.Type(name).Elements {
				if b := e.Binding; b != nil && b.Strength == "required" && unanswerable[b.ValueSet] == "" && c.Set(b.ValueSet).HasCode("no such code") != No {
					t.Errorf("%s: %s (%s) cannot be answered for", r, e.Path, b.ValueSet)
				}
			}
		}
	}
}
