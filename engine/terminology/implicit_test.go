package terminology

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

const snomedPart = `{"resourceType":"CodeSystem","url":"http://snomed.info/sct","version":"http://snomed.info/sct/900000000000207008/version/20240101","status":"active","content":"complete",
 "concept":[{"code":"73211009","display":"Diabetes mellitus","concept":[{"code":"44054006","display":"Type 2"},{"code":"46635009","display":"Type 1"}]},{"code":"22298006","display":"Infarction"}]}`

const loincPart = `{"resourceType":"CodeSystem","url":"http://loinc.org","version":"2.77","status":"active","content":"fragment","concept":[{"code":"8480-6"},{"code":"8462-4"}]}`

func TestAnImplicitValueSetIsThatOfItsStoredCodeSystem(t *testing.T) {
	s := given(t, snomedPart, loincPart)
	for url, want := range map[string]string{
		"http://snomed.info/sct?fhir_vs":                                                  "73211009 44054006 46635009 22298006",
		"http://snomed.info/sct?fhir_vs=isa/73211009":                                     "73211009 44054006 46635009",
		"http://snomed.info/sct/900000000000207008/version/20240101?fhir_vs=isa/44054006": "44054006",
		"http://loinc.org/vs":                                                             "8480-6 8462-4",
		"http://loinc.org?fhir_vs":                                                        "8480-6 8462-4",
	} {
		e, err := expand(t, s, func(r *ExpandRequest) { r.URL = url })
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if got := listed(e.Contains); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	check := func(url, code string) bool {
		v, err := s.ValidateCode(t.Context(), ValidateRequest{URL: url, Codings: []definitions.Coding{{System: "http://snomed.info/sct", Code: code}}})
		return err == nil && v.Result
	}
	if !check("http://snomed.info/sct?fhir_vs=isa/73211009", "46635009") || check("http://snomed.info/sct?fhir_vs=isa/73211009", "22298006") {
		t.Error("$validate-code does not see what is below the concept")
	}
	v, err := s.ValidateCode(t.Context(), ValidateRequest{URL: "http://unitsofmeasure.org/vs", Codings: []definitions.Coding{{System: "http://unitsofmeasure.org", Code: "mg/dL"}}})
	if err != nil || !v.Result {
		t.Errorf("a unit: %+v %v", v, err)
	}
	if codes, err := s.Codes(t.Context(), "http://snomed.info/sct?fhir_vs=isa/73211009", 10); err != nil || len(codes) != 3 {
		t.Errorf("searched for: %v %v", codes, err)
	}
}

func TestAnImplicitValueSetThatCannotBeToldSaysWhy(t *testing.T) {
	s := given(t, snomedPart)
	for url, c := range map[string]struct {
		kind fault.Kind
		says string
	}{
		"http://snomed.info/sct?fhir_vs=refset/723264001":             {fault.Invalid, "is not supported: of http://snomed.info/sct there are all codes (http://snomed.info/sct?fhir_vs)"},
		"http://snomed.info/sct?fhir_vs=ecl/<73211009":                {fault.Invalid, "is not supported"},
		"http://snomed.info/sct?fhir_vs=isa/":                         {fault.Invalid, "is not supported"},
		"http://loinc.org/vs/LL715-4":                                 {fault.Invalid, "answer lists"},
		"http://loinc.org/vs":                                         {fault.Unprocessable, "CodeSystem 'http://loinc.org' could not be found"},
		"http://snomed.info/sct?fhir_vs=isa/1":                        {fault.Unprocessable, `the code system has no code "1"`},
		"http://snomed.info/sct/11000146104/version/20240101?fhir_vs": {fault.Unprocessable, "Valid versions: http://snomed.info/sct/900000000000207008/version/20240101"},
		"http://loinc.org/vsx":                                        {fault.NotFound, "could not be found"},
		"?fhir_vs":                                                    {fault.NotFound, "could not be found"},
	} {
		_, err := expand(t, s, func(r *ExpandRequest) { r.URL = url })
		if fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if a, err := s.Member(t.Context(), "http://snomed.info/sct?fhir_vs=refset/723264001", Coding{"http://snomed.info/sct", "73211009"}); a != Unknown || err != nil {
		t.Errorf("a binding to one: %v %v", a, err)
	}
}
