package fhirapi_test

import (
	"testing"

	"github.com/inglehealth/ingle/records"
)

func TestADeleteKeepsTheHistory(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	if a := s.do("DELETE", "/Patient/alice", "").want(204).header("ETag", `W/"2"`); a.body != "" {
		t.Errorf("body %q", a.body)
	}
	s.do("DELETE", "/Patient/alice", "").want(204)
	s.do("DELETE", "/Patient/never", "").want(204)
	s.do("DELETE", "/Patient/never", "", "Prefer", "return=OperationOutcome").want(200).has("nothing to delete")
	s.get("/Patient/alice/_history/1").want(200)
	s.get("/Patient").want(200).hasNot("Archer")
	s.do("PUT", "/Patient/alice", alice).want(201).header("ETag", `W/"3"`)
	s.do("DELETE", "/Patient/alice", "", "If-Match", `W/"1"`).want(412)
	s.do("DELETE", "/Patient/alice", "", "If-Match", `W/"3"`).want(204)
}

func TestWhatOthersReferToStays(t *testing.T) {
	observation := `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/alice"}}`
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Observation/o", observation)
	s.do("DELETE", "/Patient/alice", "").want(409).has("Observation/o")
	s.get("/Patient/alice").want(200)
	s.do("DELETE", "/Observation/o", "").want(204)
	s.do("DELETE", "/Patient/alice", "").want(204)

	eased := newServer(t, withPolicy(func(p *records.Policy) { p.AllowDeleteReferred = true }))
	eased.put("/Patient/alice", alice)
	eased.put("/Observation/o", observation)
	eased.do("DELETE", "/Patient/alice", "").want(204)
}

func TestAConditionalDeleteActsOnItsOnlyMatch(t *testing.T) {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Patient/bob", patient("bob", "Archer"))
	s.do("DELETE", "/Patient", "").want(400).has("every Patient")
	s.do("DELETE", "/Patient?family=archer", "").want(412)
	s.do("DELETE", "/Patient?nonsense=1", "").want(400)
	s.do("DELETE", "/Patient?family=nobody", "").want(204)
	s.do("DELETE", "/Patient?identifier=urn:mrn|1", "").want(204)
	s.get("/Patient/alice").want(410)

	many := newServer(t, withPolicy(func(p *records.Policy) { p.MultipleDelete = true }))
	many.put("/Patient/a", patient("a", "Archer"))
	many.put("/Patient/b", patient("b", "Archer"))
	many.do("DELETE", "/Patient?family=archer", "", "Prefer", "return=OperationOutcome").want(200).has("Deleted 2")
	many.get("/Patient/b").want(410)
}
