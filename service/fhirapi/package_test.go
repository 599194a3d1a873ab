package fhirapi_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestAGuideMakesItsParametersProfilesAndOperationsKnown(t *testing.T) {
	guide := testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-6.1.0.tgz")
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) { c.Definitions = guide })
	const profile = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
	const patient = `{"resourceType":"Patient","id":"p","extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[
		{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}},{"url":"text","valueString":"White"}]}],
		"identifier":[{"system":"urn:mrn","value":"1"}],"name":[{"family":"Profiled"}],"gender":"male"}`
	s.put("/Patient/p", patient)
	if b := s.get("/Patient?race=2106-3").want(200).bundle(); len(b.Entry) != 1 {
		t.Errorf("by race: %d", len(b.Entry))
	}
	if b := s.get("/Patient?race=2106-3,2028-9&race:missing=true").want(200).bundle(); len(b.Entry) != 0 {
		t.Errorf("without race: %d", len(b.Entry))
	}
	if a := s.get("/Patient/p/$validate?profile=" + profile).want(200); strings.Contains(a.body, `"error"`) {
		t.Error(a.body)
	}
	s.do("POST", "/$validate?profile="+profile, strings.Replace(patient, `"name":[{"family":"Profiled"}],`, "", 1)).want(200).has(`"error"`, "name", profile)
	s.get("/metadata").want(200).has(profile, "us-core-race", "hl7.fhir.us.core 6.1.0", `"http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core|6.1.0"`)
	s.do("POST", "/DocumentReference/$docref", `{"resourceType":"Parameters"}`).want(400).has("patient")
	s.get("/metadata").has(`"definition":"http://hl7.org/fhir/us/core/OperationDefinition/docref"`)
}

func TestAReleaseFromAPackageIsServedBesideR4(t *testing.T) {
	r5 := testpackage.R5(t)
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) { c.Others = []*definitions.Definitions{r5} })
	const asR5 = "application/fhir+json; fhirVersion=5.0"
	const transport = `{"resourceType":"Transport","id":"t","status":"completed","intent":"order","requestedLocation":{"display":"x"},"currentLocation":{"display":"y"}}`
	s.do("PUT", "/Transport/t", transport, "Content-Type", asR5).want(201).header("Content-Type", asR5+"; charset=utf-8")
	s.do("PUT", "/Transport/t", strings.Replace(transport, "completed", "nonsense", 1), "Content-Type", asR5).want(422).has("nonsense")
	s.do("PUT", "/Transport/t", strings.Replace(transport, `"intent":"order",`, "", 1), "Content-Type", asR5).want(422).has("intent")
	s.do("PUT", "/Transport/t", transport).want(400).has("R4")
	if b := s.get("/Transport?status=completed", "Accept", asR5).want(200).bundle(); len(b.Entry) != 1 {
		t.Errorf("%d found", len(b.Entry))
	}
	s.get("/Transport/t?_format=xml").want(200).has("<Transport", `<currentLocation><display value="y"/>`)
	s.get("/metadata?_elements=fhirVersion", "Accept", asR5).want(200).has(`"fhirVersion":"5.0.0"`)
}
