package fhirapi_test

import (
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestReleasesAreStoredBesideEachOther(t *testing.T) {
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Others = []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)}
	})
	ingredient := `{"resourceType":"Ingredient","id":"i","status":"active","role":{"text":"active"},"substance":{"code":{"concept":{"text":"x"}}}}`
	s.do("PUT", "/Ingredient/i", ingredient, "Content-Type", "application/fhir+json; fhirVersion=4.3").want(201)
	s.get("/Ingredient/i").want(200).has(`"resourceType":"Ingredient"`)
	s.get("/Ingredient/i?_format=xml").want(200).has("<Ingredient")
	s.get("/_history?_format=xml").want(200).has("<Ingredient")
	s.put("/Patient/alice", alice)
	s.get("/_history").want(200).has("Ingredient", "Archer")
	s.get("/_history?_format=xml").want(406).has("several FHIR releases")
	a := s.do("PUT", "/Ingredient/j", ingredient)
	if a.StatusCode < 400 || a.StatusCode > 422 {
		t.Errorf("R4 has no Ingredient, yet: %d %s", a.StatusCode, a.body)
	}
	s.get("/metadata").want(200).has(`"fhirVersion":"4.0.1"`)
	s.get("/metadata", "Accept", "application/fhir+json; fhirVersion=4.3").want(200).has(`"fhirVersion":"4.3.0"`, `"type":"Ingredient"`).
		header("Content-Type", "application/fhir+json; fhirVersion=4.3; charset=utf-8")
}

func TestAnAnswerIsLabelledWithTheReleaseItIsValidIn(t *testing.T) {
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Others = []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)}
	})
	const r4b = "application/fhir+json; fhirVersion=4.3"
	const ingredient = `{"resourceType":"Ingredient","id":"i","status":"active","role":{"text":"active"},"substance":{"code":{"concept":{"text":"x"}}}}`
	s.put("/Patient/alice", alice)
	s.get("/Patient/alice").header("Content-Type", "application/fhir+json; charset=utf-8")
	s.get("/Patient/alice", "Accept", r4b).want(200).header("Content-Type", r4b+"; charset=utf-8")
	s.get("/Patient", "Accept", r4b).want(200).header("Content-Type", r4b+"; charset=utf-8")

	s.do("PUT", "/Ingredient/i", ingredient, "Content-Type", r4b).want(201).header("Content-Type", r4b+"; charset=utf-8")
	s.get("/Ingredient/i").want(200).header("Content-Type", r4b+"; charset=utf-8")
	s.get("/Ingredient/i", "Accept", "application/fhir+json; fhirVersion=4.0").want(406).has("stored here as FHIR R4B", "fhirVersion=4.3")
	s.get("/_history", "Accept", "application/fhir+json; fhirVersion=4.0").want(406)
	s.get("/Ingredient/i", "Accept", "application/fhir+json; fhirVersion=5.0, application/fhir+json; q=0.5").want(200)
	s.get("/Ingredient/i", "Accept", "application/fhir+json; fhirVersion=5.0").want(406).has("R5 is not loaded")
}

func TestATypeThatOnlyAnotherReleaseHasCanBeSearched(t *testing.T) {
	s := newServer(t, func(_ *records.Policy, _ *web.Config, c *records.Config) {
		c.Others = []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)}
	})
	const r4b = "application/fhir+json; fhirVersion=4.3"
	const ingredient = `{"resourceType":"Ingredient","status":"active","identifier":{"system":"urn:i","value":"1"},"role":{"text":"active"},"substance":{"code":{"concept":{"text":"x"}}}}`
	for range 2 {
		s.do("POST", "/Ingredient", ingredient, "Content-Type", r4b, "If-None-Exist", "identifier=urn:i|1")
	}
	for _, path := range []string{"/Ingredient", "/Ingredient?identifier=urn:i|1", "/Ingredient?_elements=role"} {
		if b := s.get(path).want(200).bundle(); len(b.Entry) != 1 {
			t.Errorf("%s: %d entries", path, len(b.Entry))
		}
	}
	if b := s.get("/?_type=Ingredient", "Accept", r4b).want(200).bundle(); len(b.Entry) != 1 {
		t.Errorf("of all types: %d entries", len(b.Entry))
	}
}
