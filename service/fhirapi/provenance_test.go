package fhirapi_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
)

func TestAProvenanceHeaderIsStoredWithTheWrite(t *testing.T) {
	s := newServer(t)
	s.put("/Practitioner/p", `{"resourceType":"Practitioner","id":"p"}`)
	provenance := `{"resourceType":"Provenance","recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/p"}}]}`
	s.do("PUT", "/Patient/alice", alice, "X-Provenance", provenance).want(201)
	s.get("/Provenance?target=Patient/alice").want(200).has(`"reference":"Practitioner/p"`, "Patient/alice")
	s.do("PUT", "/Patient/bob", patient("bob", "B"), "X-Provenance", `{"resourceType":"Provenance"}`).want(422)
	s.get("/Patient/bob").want(404)
	s.do("PUT", "/Patient/bob", patient("bob", "B"), "X-Provenance", `nonsense`).want(400)
}

func TestTheRequestIdMayBecomeMetaSource(t *testing.T) {
	s := newServer(t, withPolicy(func(p *records.Policy) { p.MetaSource = records.SourceFill }))
	s.do("PUT", "/Patient/alice", alice, "X-Request-Id", "req-17").want(201).has(`"source":"#req-17"`)
	kept := strings.Replace(alice, `"id":"alice"`, `"id":"alice","meta":{"source":"urn:mine"}`, 1)
	s.do("PUT", "/Patient/alice", kept, "X-Request-Id", "req-18").want(200).has(`"source":"urn:mine"`)
}
