package terminology

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestMessagesAreShortHoweverLongTheCodesAre(t *testing.T) {
	s := given(t, animals, `{"resourceType":"ValueSet","url":"urn:set","version":"1","status":"active","compose":{"include":[{"system":"urn:animals","version":"1.0"}]}}`)
	long := strings.Repeat("x", 1<<20)
	most := func(what, message string) {
		t.Helper()
		if len(message) > maxMessage+len("…") || message == "" {
			t.Errorf("%s: the message has %d bytes: %.200s", what, len(message), message)
		}
	}
	for name, r := range map[string]ValidateRequest{
		"code":             {Codings: []definitions.Coding{{System: "urn:animals", Code: long}}},
		"inferred system":  {Codings: []definitions.Coding{{Code: long}}, InferSystem: true},
		"system":           {Codings: []definitions.Coding{{System: "urn:" + long, Code: "cat"}}},
		"version":          {Codings: []definitions.Coding{{System: "urn:animals", Version: long, Code: "cat"}}},
		"display":          {Codings: []definitions.Coding{{System: "urn:animals", Code: "cat", Display: long}}},
		"of a code system": {Codings: []definitions.Coding{{System: "urn:animals", Code: long}}, OfSystem: true},
		"a concept":        {Codings: []definitions.Coding{{System: "urn:animals", Code: long}, {System: "urn:" + long, Code: long}}, Form: FormConcept},
	} {
		if r.URL = "urn:set"; r.OfSystem {
			r.URL = ""
		}
		v, err := s.ValidateCode(t.Context(), r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		most(name, v.Message())
		for _, i := range v.Issues {
			most(name, i.Message)
		}
	}
	for name, r := range map[string]ValidateRequest{
		"value set": {URL: "urn:" + long, Codings: []definitions.Coding{{Code: "cat"}}}, "implicit value set": {URL: "urn:x?fhir_vs=" + long, Codings: []definitions.Coding{{Code: "cat"}}},
		"supplement": {URL: "urn:set", Codings: []definitions.Coding{{Code: "cat"}}, Options: Options{Supplements: []string{long}}},
	} {
		_, err := s.ValidateCode(t.Context(), r)
		if err == nil {
			t.Errorf("%s: there is no error", name)
			continue
		}
		most(name, err.Error())
	}
	for _, g := range []definitions.Coding{{System: "urn:animals", Code: long}, {System: "urn:" + long, Code: "cat"}, {System: "urn:ietf:bcp:47", Code: long + " "}} {
		_, err := s.Lookup(t.Context(), LookupRequest{Coding: g})
		most("$lookup", err.Error())
	}
	if _, err := s.ValidateCode(t.Context(), ValidateRequest{URL: "urn:set", Form: FormConcept, Codings: make([]definitions.Coding, maxCodings+1)}); fault.KindOf(err) != fault.Unprocessable {
		t.Errorf("too many codings: %v", err)
	}
}

func TestAValueSetOfAMillionCodesIsRefusedWithTheBound(t *testing.T) {
	var concepts strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&concepts, `{"code":"c%d"},`, i)
	}
	s := given(t, `{"resourceType":"CodeSystem","url":"urn:many","status":"active","content":"complete","concept":[`+strings.TrimSuffix(concepts.String(), ",")+`]}`,
		`{"resourceType":"ValueSet","url":"urn:set","version":"1","status":"active","compose":{"include":[{"system":"urn:many"}]}}`)
	for what, ask := range map[string]func() error{
		"more than 20000 codes":  func() error { _, err := expand(t, s, nil); return err },
		"more than 100000 codes": func() error { _, err := s.Codes(t.Context(), "urn:set", 100_000); return err },
	} {
		if err := ask(); fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
	if e, err := expand(t, s, func(r *ExpandRequest) { r.Count, r.Offset = 2, 999_998 }); err != nil || listed(e.Contains) != "c999998 c999999" {
		t.Errorf("the last page: %v", err)
	}
	if a, err := s.Member(t.Context(), "urn:set", Coding{"urn:many", "c777777"}); a != Yes || err != nil {
		t.Errorf("one of its codes: %v %v", a, err)
	}
}
