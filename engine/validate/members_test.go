package validate

import (
	"context"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestSliceFindsWhatBelongsToASliceOfAProfile(t *testing.T) {
	d := definition(t, `{"resourceType":"StructureDefinition","url":"http://example.org/panel","type":"Observation","kind":"resource","derivation":"constraint",
		"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","differential":{"element":[
		{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":"pattern","path":"code"}],"rules":"open"}},
		{"id":"Observation.component:sys","path":"Observation.component","sliceName":"sys","min":1,"max":"1"},
		{"id":"Observation.component:sys.code","path":"Observation.component.code","patternCodeableConcept":{"coding":[{"code":"sys"}]}},
		{"id":"Observation.component:sys.code.coding","path":"Observation.component.code.coding","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"open"}},
		{"id":"Observation.component:sys.code.coding:loinc","path":"Observation.component.code.coding","sliceName":"loinc","min":0},
		{"id":"Observation.component:sys.code.coding:loinc.system","path":"Observation.component.code.coding.system","min":1,"fixedUri":"http://loinc.org"},
		{"id":"Observation.component:dia","path":"Observation.component","sliceName":"dia","min":0,"max":"1"},
		{"id":"Observation.component:dia.code","path":"Observation.component.code","patternCodeableConcept":{"coding":[{"code":"dia"}]}}]}}`,
		`{"resourceType":"StructureDefinition","url":"http://example.org/race","type":"Extension","kind":"complex-type","derivation":"constraint",
		"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Extension","differential":{"element":[
		{"id":"Extension.extension","path":"Extension.extension","slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"open"}},
		{"id":"Extension.extension:group","path":"Extension.extension","sliceName":"group"},
		{"id":"Extension.extension:group.url","path":"Extension.extension.url","fixedUri":"group"},
		{"id":"Extension.url","path":"Extension.url","fixedUri":"http://example.org/race"}]}}`)
	tree, err := fhir.ParseJSON(d, []byte(`{"resourceType":"Observation","status":"final","code":{"text":"x","coding":[{"system":"http://loinc.org","code":"sys"}]},
		"extension":[
			{"url":"http://example.org/race","extension":[{"url":"group","valueCode":"a"},{"url":"text","valueString":"t"}]},
			{"url":"http://example.org/other","extension":[{"url":"group","valueCode":"b"}]}],
		"component":[
			{"code":{"coding":[{"code":"dia"}]},"valueInteger":80},
			{"code":{"coding":[{"code":"sys"},{"system":"http://loinc.org","code":"8480-6"}]},"valueInteger":120},
			{"code":{"coding":[{"system":"http://loinc.org","code":"other"}]},"valueInteger":1}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	env := &fhirpath.Env{Definitions: d, Profiles: New(d, Options{})}
	evaluate := func(expression string) (string, error) {
		x, err := fhirpath.Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		found, err := x.Evaluate(context.Background(), env, fhirpath.Collection{fhirpath.NodeValue(tree.Root())})
		parts := make([]string, len(found))
		for i, v := range found {
			parts[i] = v.String()
		}
		return strings.Join(parts, " "), err
	}
	for expression, want := range map[string]string{
		"slice('http://example.org/panel', 'sys').value":                                                    "120", // in the resource
		"component.slice('http://example.org/panel', 'sys').value":                                          "120", // of its components
		"component.slice('http://example.org/panel', 'dia').value":                                          "80",
		"component[0].slice('http://example.org/panel', 'sys').value":                                       "",
		"component.code.coding.slice('http://example.org/panel', 'loinc').code":                             "8480-6", // of a slice within a slice
		"slice('http://example.org/panel', 'loinc').code":                                                   "8480-6",
		"code.coding.slice('http://example.org/panel', 'loinc').code":                                       "",
		"(component | component[1]).slice('http://example.org/panel', 'sys').value":                         "120",
		"component.value.slice('http://example.org/panel', 'sys')":                                          "",
		"extension.slice('http://example.org/race', 'group').value":                                         "a", // not of other extensions
		"extension.extension.slice('http://example.org/race', 'group').value":                               "a",
		"{}.slice('http://example.org/panel', 'sys')":                                                       "",
		"component.slice('http://example.org/panel', 'sys').slice('http://example.org/panel', 'sys').value": "120",
	} {
		if got, err := evaluate(expression); err != nil || got != want {
			t.Errorf("%s: %q %v, not %q", expression, got, err, want)
		}
	}
	for _, expression := range []string{
		"slice('http://example.org/panel', 'mean')", "slice('http://example.org/nowhere', 'sys')", "slice('http://hl7.org/fhir/StructureDefinition/Observation', 'sys')",
	} {
		if got, err := evaluate(expression); err == nil || !strings.Contains(err.Error(), "no slice ") {
			t.Errorf("%s: %q %v", expression, got, err)
		}
	}
}

func TestSliceOfAProfileOfTheRelease(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	tree, err := fhir.ParseJSON(d, []byte(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
		"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":1,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":1,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	members, ok, err := New(d, Options{}).Slice(context.Background(), tree.Root(), "http://hl7.org/fhir/StructureDefinition/bp", "DiastolicBP")
	if err != nil || !ok || len(members) != 1 || members[0].Path() != "Observation.component[1]" {
		t.Errorf("%v %v %v", members, ok, err)
	}
}
