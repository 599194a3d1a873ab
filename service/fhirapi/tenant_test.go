package fhirapi_test

import "testing"

func TestTenantsSeeOnlyTheirOwn(t *testing.T) {
	s := newServerOfTwo(t)
	s.put("/Patient/alice", alice)
	s.get("/t/east/fhir/Patient/alice").want(404)
	s.do("PUT", "/t/east/fhir/Patient/alice", alice).want(201).header("Location", "https://ehr.example/t/east/fhir/Patient/alice/_history/1")
	s.get("/t/east/fhir/Patient").want(200).has(`"fullUrl":"https://ehr.example/t/east/fhir/Patient/alice"`)
	s.do("DELETE", "/t/east/fhir/Patient/alice", "").want(204)
	s.get("/Patient/alice").want(200)
	s.get("/t/west/fhir/Patient").want(404).has("no tenant")
	s.get("/t/east/fhir").want(200)
}

func TestMethodsThatAreNotPossibleAreAnsweredWithThoseThatAre(t *testing.T) {
	s := newServer(t)
	s.do("POST", "/Patient/alice", alice).want(405).header("Allow", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
	s.do("DELETE", "/Patient/alice/_history/1", "").want(405).header("Allow", "GET, HEAD, OPTIONS")
	const patches = "application/json-patch+json, application/xml-patch+xml, application/fhir+json, application/fhir+xml"
	s.do("OPTIONS", "/Patient/alice", "").want(204).header("Allow", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT").header("Accept-Patch", patches)
	s.do("OPTIONS", "/metadata", "").want(204).header("Accept-Patch", "")
	s.do("PATCH", "/Patient/alice", "[]", "Content-Type", "application/json").want(415).header("Accept-Patch", patches)
	s.do("BREW", "/Patient", "").want(405)
}
