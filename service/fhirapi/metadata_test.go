package fhirapi_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestTheCapabilityStatementSaysWhatIsReal(t *testing.T) {
	s := newServer(t)
	a := s.get("/metadata").want(200)
	if _, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(a.body), fhir.Limits{}); err != nil {
		t.Errorf("the statement is no FHIR: %v", err)
	}
	s.do("POST", "/$validate", a.body).want(200).hasNot(`"severity":"error"`)
	var c struct {
		ResourceType, FHIRVersion, Kind string
		Implementation                  struct{ URL string }
		Rest                            []struct {
			Interaction []struct{ Code string }
			Operation   []struct{ Name, Definition string }
			Resource    []struct {
				Type        string
				SearchParam []struct{ Name, Type string }
				Interaction []struct{ Code string }
			}
		}
	}
	if err := json.Unmarshal([]byte(a.body), &c); err != nil {
		t.Fatal(err)
	}
	if c.FHIRVersion != "4.0.1" || c.Implementation.URL != s.base || len(c.Rest) != 1 || len(c.Rest[0].Resource) != 146 {
		t.Errorf("%s %s, %d resources", c.FHIRVersion, c.Implementation.URL, len(c.Rest[0].Resource))
	}
	for _, r := range c.Rest[0].Resource {
		if r.Type != "Patient" {
			continue
		}
		names := []string{}
		for _, p := range r.SearchParam {
			names = append(names, p.Name)
			// What is listed can be searched by.
			s.get("/Patient?" + p.Name + ":missing=true")
		}
		for _, want := range []string{"birthdate", "identifier", "name", "general-practitioner"} {
			if !slices.Contains(names, want) {
				t.Errorf("Patient lacks %s: %v", want, names)
			}
		}
	}
	for _, op := range c.Rest[0].Operation {
		if op.Name == "expunge" {
			t.Error("$expunge is listed although policy forbids it")
		}
	}
}

func TestTheCapabilityStatementHasItsModes(t *testing.T) {
	s := newServerOfTwo(t)
	s.get("/metadata?mode=full").want(200).has("CapabilityStatement")
	s.get("/metadata?mode=normative").want(200).has("CapabilityStatement")
	s.get("/metadata?mode=terminology").want(200).has("TerminologyCapabilities")
	s.get("/metadata?mode=half").want(400)
	s.get("/metadata?nonsense=1").want(400)
	s.do("POST", "/metadata", alice).want(405).header("Allow", "GET, HEAD, OPTIONS")
	s.get("/t/east/fhir/metadata").want(200).has("https://ehr.example/t/east/fhir")
}

func TestACapabilityStatementIsShortenedOnRequest(t *testing.T) {
	s := newServer(t)
	whole := s.get("/metadata").want(200)
	summary := s.get("/metadata?_summary=true").want(200).has("SUBSETTED", `"fhirVersion":"4.0.1"`)
	if len(summary.body) > len(whole.body)/2 {
		t.Errorf("a summary of %d bytes, the whole has %d", len(summary.body), len(whole.body))
	}
	s.get("/metadata?_elements=fhirVersion&_format=xml").want(200).has("<fhirVersion").hasNot("<rest>")
	s.get("/metadata?_elements=version,phone").want(400)
}
