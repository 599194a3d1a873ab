package fhirapi_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
)

func TestAnUpdateCreatesOrReplaces(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/alice", alice).want(201).header("ETag", `W/"1"`)
	s.do("PUT", "/Patient/alice", strings.Replace(alice, "Archer", "Baker", 1)).want(200).header("ETag", `W/"2"`).has("Baker")
	s.do("PUT", "/Patient/bob", alice).want(400).has("alice")
	s.do("PUT", "/Patient/"+strings.Repeat("x", 65), alice).want(400)
}

func TestTheServerMayChooseIds(t *testing.T) {
	s := newServer(t, withPolicy(func(p *records.Policy) { p.ClientIDs = records.ServerChooses }))
	a := s.do("PUT", "/Patient/alice", alice)
	if a.StatusCode < 400 || a.StatusCode >= 500 {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
}

func TestIfMatchGuardsAnUpdate(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/alice", alice, "If-Match", `W/"1"`).want(412)
	s.put("/Patient/alice", alice)
	changed := strings.Replace(alice, "Archer", "Baker", 1)
	s.do("PUT", "/Patient/alice", changed, "If-Match", `W/"7"`).want(412).has("OperationOutcome")
	for _, empty := range []string{`""`, "", ",", "W/"} { // from clients that lost the version they read
		s.do("PUT", "/Patient/alice", changed, "If-Match", empty).want(400).has("no entity tag")
		s.do("DELETE", "/Patient/alice", "", "If-Match", empty).want(400)
	}
	s.do("PUT", "/Patient/alice", changed, "If-None-Match", "").want(400)
	s.do("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":`+changed+`,"request":{"method":"PUT","url":"Patient/alice","ifMatch":"W/\"\""}}]}`).
		want(400).has("Bundle.entry[0].request.ifMatch")
	s.do("PUT", "/Patient/alice", changed, "If-None-Match", "*").want(412)
	s.do("PUT", "/Patient/alice", changed, "If-None-Match", `W/"1"`).want(400)
	s.do("PUT", "/Patient/alice", changed, "If-Match", `W/"7"`, "If-Match", `W/"1"`).want(200).header("ETag", `W/"2"`)
	s.get("/Patient/alice", "If-None-Match", `W/"7"`, "If-None-Match", `W/"2"`).want(304)
	s.do("PUT", "/Patient/new", patient("new", "N"), "If-None-Match", "*").want(201)
}

func TestAConditionalUpdateActsOnItsOnlyMatch(t *testing.T) {
	s := newServer(t)
	noID := strings.Replace(alice, `"id":"alice",`, "", 1)
	s.do("PUT", "/Patient?identifier=urn:mrn|1", noID).want(201)
	s.do("PUT", "/Patient?identifier=urn:mrn|1", strings.Replace(noID, "Archer", "Baker", 1)).want(200).has("Baker").header("ETag", `W/"2"`)
	s.do("POST", "/Patient", alice).want(201)
	s.do("PUT", "/Patient?identifier=urn:mrn|1", noID).want(412)
	s.do("PUT", "/Patient", noID).want(400).has("search criteria")
	s.do("PUT", "/Patient?nonsense=1", noID).want(400)
}

func TestAPartDoesNotReplaceTheWhole(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	part := s.get("/Patient/alice?_elements=gender").want(200).has("SUBSETTED").body
	s.do("PUT", "/Patient/alice", part).want(422).has("Patient.meta.tag", "would replace the whole")
	s.do("POST", "/", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":`+part+`,"request":{"method":"PUT","url":"Patient/alice"}}]}`).want(422)
	s.do("DELETE", "/Patient/alice", "").want(204)
	s.do("PUT", "/Patient/alice", part).want(201) // a part of what is kept elsewhere
}
