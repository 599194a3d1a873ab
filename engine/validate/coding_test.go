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
		{`"system":"` + category + `","code":"vital-signs","display":"Laboratory"`, "EN", fault.Warning, `which is called "Vital Signs"`},
		{`"system":"` + category + `","code":"vital-signs","display":"Laboratory"`, "En-gb", fault.Warning, `which is called "Vital Signs"`},
		{coding: `"system":"` + category + `","code":"vital-signs","display":"Vitalzeichen"`, language: "de"},
		{coding: `"system":"` + category + `","code":"vital-signs","display":"Vital sign x"`, language: "enm"},
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

func TestCodesAreComparedWithTheirSystemAsItIsWritten(t *testing.T) {
	system := func(id, more string) string {
		return fmt.Sprintf(`{"resourceType":"CodeSystem","id":%[1]q,"url":"urn:%[1]s","version":"1","status":"active",%[2]s}`, id, more)
	}
	d := packed(t, definitions.MustBuiltIn(definitions.R4),
		system("part", `"content":"fragment","concept":[{"code":"a","display":"One"}]`),
		system("example", `"content":"example","concept":[{"code":"a","display":"One"}]`),
		system("any-case", `"content":"complete","caseSensitive":false,"concept":[{"code":"a","display":"One"}]`),
		system("case", `"content":"complete","caseSensitive":true,"concept":[{"code":"a","display":"One"}]`),
		system("names", `"content":"complete","language":"de","concept":[{"code":"a","display":"Eins","concept":[{"code":"b"}],"designation":[{"language":"en","value":"One"}]}]`),
		system("more", `"content":"supplement","supplements":"urn:names","concept":[{"code":"c","display":"Three"}]`),
		system("absent", `"content":"not-present"`))
	v := New(d, Options{})
	for coding, says := range map[string]string{
		`"system":"urn:part","code":"b","display":"Two"`:                     "",
		`"system":"urn:part","code":"a","display":"Two"`:                     "is not a name",
		`"system":"urn:example","code":"b"`:                                  "",
		`"system":"urn:any-case","code":"A","display":"ONE"`:                 "",
		`"system":"urn:case","code":"A"`:                                     "is not one of urn:case",
		`"system":"urn:names","code":"a","display":"Eins"`:                   "",
		`"system":"urn:names","code":"a","display":"One"`:                    "",
		`"system":"urn:names","code":"b","display":"Two"`:                    "",
		`"system":"urn:names","code":"c"`:                                    "is not one of urn:names",
		`"system":"urn:more","code":"c"`:                                     "",
		`"system":"urn:absent","code":"c"`:                                   "",
		`"system":"http://unitsofmeasure.org","code":"mg","display":"mgs"`:   "",
		`"system":"http://unitsofmeasure.org","code":"no unit"`:              "is not one of",
		`"system":"urn:ietf:bcp:47","code":"de-CH","display":"Swiss German"`: "",
	} {
		src := fmt.Sprintf(`{"resourceType":"Observation","status":"final","code":{"coding":[{%s}]}}`, coding)
		var said []string
		for _, i := range v.Validate(t.Context(), parse(t, d, src), nil) {
			if i.Path == "Observation.code.coding[0]" {
				said = append(said, i.Message)
			}
		}
		if len(said) > 1 || (len(said) == 1) != (says != "") || says != "" && !strings.Contains(said[0], says) {
			t.Errorf("%s: %q, want %q", coding, said, says)
		}
	}
}

func TestAContainedResourceIsInTheLanguageOfTheOneAround(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	const src = `{"resourceType":"Observation",%s"status":"final","code":{"text":"x"},"hasMember":[{"reference":"#in"}],"contained":[{"resourceType":"Observation","id":"in",%s"status":"final","code":{"text":"x"},
		"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vitalzeichen"}]}]}]}`
	for _, c := range []struct {
		around, in string
		told       bool
	}{{"", "", true}, {"de", "", false}, {"", "de", false}, {"de", "en", true}} {
		language := func(l string) string {
			if l == "" {
				return ""
			}
			return fmt.Sprintf(`"language":%q,`, l)
		}
		told := false
		for _, i := range New(d, Options{}).Validate(t.Context(), parse(t, d, fmt.Sprintf(src, language(c.around), language(c.in))), nil) {
			told = told || strings.Contains(i.Message, "is not a name")
		}
		if told != c.told {
			t.Errorf("%q around %q: %v", c.around, c.in, told)
		}
	}
}
