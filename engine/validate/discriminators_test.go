package validate

import (
	"context"
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestSlicesAreToldApartByElementsThatAreThere(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	for _, k := range []struct{ typ, path, by, wrong string }{
		{"Patient", "Patient.identifier", "system", ""},
		{"Patient", "Patient.identifier", "type.coding.code", ""},
		{"Patient", "Patient.extension", "url", ""},
		{"Observation", "Observation.value[x]", "$this", ""},
		{"Observation", "Observation.value[x]", "anything", ""}, // of several types
		{"Observation", "Observation.component", "value.ofType(Quantity).code", ""},
		{"Observation", "Observation.component", "value[x]", ""},
		{"Observation", "Observation.component.valueQuantity", "system", ""},
		{"Observation", "Observation.component", "extension('http://example.org/a.b').value", ""},
		{"Bundle", "Bundle.entry", "resource.code", ""},
		{"Bundle", "Bundle.entry", "resource", ""},
		{"Observation", "Observation.hasMember", "resolve().code", ""},
		{"Unheard", "Unheard.of", "anything", ""},
		{"Patient", "Patient.extension", "type", "Extension has no element type"},
		{"Patient", "Patient.identifier", "type.codings.code", "CodeableConcept has no element codings"},
		{"Observation", "Observation.component", "$this.name", "has no element name"},
		{"Bundle", "Bundle.entry", "source.resolve()", "has no element source"},
	} {
		issues := v.Validate(context.Background(), parse(t, d, fmt.Sprintf(`{"resourceType":"StructureDefinition","url":"http://example.org/p","name":"P","status":"draft","kind":"resource","abstract":false,"type":%q,"derivation":"constraint",
			"baseDefinition":"http://hl7.org/fhir/StructureDefinition/%[1]s","differential":{"element":[{"id":%q,"path":%[2]q,"slicing":{"discriminator":[{"type":"value","path":%q}],"rules":"open"}}]}}`, k.typ, k.path, k.by)), nil)
		if k.wrong != "" {
			wants(t, issues, fault.ErrorLevel, "StructureDefinition.differential.element[0].slicing.discriminator[0].path", k.wrong)
		} else if e := errorsOf(issues); len(e) > 0 {
			t.Errorf("%s by %s: %v", k.path, k.by, e)
		}
	}
}
