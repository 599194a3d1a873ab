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
