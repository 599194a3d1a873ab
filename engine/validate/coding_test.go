package validate

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestCodingsAreOfTheirSystemAndHaveItsNames(t *testing.T) {
	const category = "http://terminology.hl7.org/CodeSystem/observation-category"
	v := New(definitions.MustBuiltIn(definitions.R4), Options{})
	for _, c := range []struct {
		coding, language string
		severity         fault.Severity
		says             string // "": nothing is said
	}{
		{coding: `"system":"` + category + `","code":"vital-signs","display":"Vital Signs"`},
		{coding: `"system":"` + category + `","code":"vital-signs","display":"vital signs"`},
		{coding: `"system":"` + category + `","code":"vital-signs"`},
		{`"system":"` + category + `","code":"vital-signs","display":"Laboratory"`, "", fault.Warning, `which is called "Vital Signs"`},
		{`"system":"` + category + `","code":"vital-signs","display":"Vital  Signs"`, "", fault.Warning, `"Vital  Signs" is not a name of code "vital-signs"`},
		{`"system":"` + category + `","code":"vital-signs","display":"Laboratory"`, "en", fault.Warning, `which is called "Vital Signs"`},
		{coding: `"system":"` + category + `","code":"vital-signs","display":"Vitalzeichen"`, language: "de"},
		{`"system":"` + category + `","code":"vital"`, "", fault.Warning, `code "vital" is not one of ` + category},
		{`"system":"` + category + `","version":"4.0.1","code":"vital"`, "", fault.ErrorLevel, `code "vital" is not one of ` + category},
		{coding: `"system":"` + category + `","version":"99","code":"vital"`},
		{coding: `"system":"http://loinc.org","code":"no-code","display":"anything"`},
		{coding: `"system":"urn:own","code":"x","display":"anything"`},
		{coding: `"code":"x","display":"anything"`},
	} {
		src := fmt.Sprintf(`{"resourceType":"Observation","language":%q,"status":"final","code":{"text":"x"},"category":[{"coding":[{%s}]},{"coding":[{%s}]}]}`, c.language, c.coding, c.coding)
		src = strings.Replace(src, `"language":"",`, "", 1)
		tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(src), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var said []fault.Issue
		for _, i := range v.Validate(context.Background(), tree, nil) {
			if strings.Contains(i.Path, "category") && !strings.Contains(i.Path, "coding.") {
				said = append(said, i)
			}
		}
		if c.says == "" {
			if len(said) > 0 {
				t.Errorf("%s: %v", c.coding, said)
			}
			continue
		}
		if len(said) != 2 || said[1].Path != "Observation.category[1].coding[0]" || said[0].Severity != c.severity || !strings.Contains(said[0].Message, c.says) {
			t.Errorf("%s: %v", c.coding, said)
		}
		if errors := v.Check(context.Background(), tree); len(errors) > 0 {
			t.Errorf("%s is refused: %v", c.coding, errors)
		}
	}
}
