package validate

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestAWrongUnitOfABloodPressureIsToldWhereItIs(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	const pressure = `{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
		"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
		"subject":{"display":"x"},"effectiveDateTime":"2020-01-01","component":[
		{"code":{"coding":[{"system":"http://example.org","code":"sys"},{"system":"http://loinc.org","code":%q}]},"valueQuantity":{"value":120,"unit":"mmHg","system":"http://unitsofmeasure.org","code":%q}},
		{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`
	for _, k := range []struct{ code, unit, path, text string }{
		{"8480-6", "mm[Hg]", "", ""},
		{"8480-6", "mmHg", "Observation.component[0].value.code", `must be exactly "mm[Hg]"`},
		{"8867-4", "mm[Hg]", "Observation", "component:SystolicBP is wanted 1 times at least"},
	} {
		issues := errorsOf(New(d, Options{}).Validate(context.Background(), parse(t, d, fmt.Sprintf(pressure, k.code, k.unit)), nil))
		if k.path != "" {
			wants(t, issues, fault.ErrorLevel, k.path, k.text)
		}
		for _, i := range issues {
			if i.Path != k.path {
				t.Errorf("%s in %s: %s: %s", k.code, k.unit, i.Path, i.Message)
			}
		}
	}
}

func TestADiscriminatorMayEndAtASlicedElement(t *testing.T) {
	for what, slice := range map[string]string{
		"by its elements": `{"id":"Observation.component:sys.code.coding:loinc.system","path":"Observation.component.code.coding.system","min":1,"fixedUri":"http://loinc.org"},
			{"id":"Observation.component:sys.code.coding:loinc.code","path":"Observation.component.code.coding.code","min":1,"fixedCode":"8480-6"}`,
		"by a pattern": `{"id":"Observation.component:sys.code.coding:loinc.version","path":"Observation.component.code.coding.version","max":"0"}`,
	} {
		pattern := ""
		if what == "by a pattern" {
			pattern = `,"patternCoding":{"system":"http://loinc.org","code":"8480-6"}`
		}
		for _, at := range []string{`{"type":"pattern","path":"code.coding"}`, `{"type":"value","path":"code.coding.code"}`} {
			d := definition(t, `{"resourceType":"StructureDefinition","url":"http://example.org/panel","type":"Observation","kind":"resource","derivation":"constraint",
				"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Observation","differential":{"element":[
				{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[`+at+`],"rules":"open"}},
				{"id":"Observation.component:sys","path":"Observation.component","sliceName":"sys","min":1,"max":"1"},
				{"id":"Observation.component:sys.code.coding","path":"Observation.component.code.coding","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"open"}},
				{"id":"Observation.component:sys.code.coding:loinc","path":"Observation.component.code.coding","sliceName":"loinc","min":1`+pattern+`},
				`+slice+`,
				{"id":"Observation.component:sys.value[x]","path":"Observation.component.value[x]","type":[{"code":"Quantity"}]}]}}`)
			issues := errorsOf(New(d, Options{}).Validate(context.Background(), parse(t, d, `{"resourceType":"Observation","status":"final","code":{"text":"x"},
				"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueString":"high"}]}`), []string{"http://example.org/panel"}))
			if len(issues) != 1 || issues[0].Path != "Observation.component[0].value" || strings.Contains(issues[0].Message, "wanted") {
				t.Errorf("%s, %s: %v", what, at, issues)
			}
		}
	}
}
