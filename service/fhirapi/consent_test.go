package fhirapi_test

import "testing"

func TestAConsentThatCannotBeComputedIsTakenWithAWarning(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	const consent = `{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"provision":{"type":"deny","code":[{"text":"%s"}]}}`
	s.do("PUT", "/Consent/c", consent).want(201).header("Ingle-Problem", `"Consent.provision.code[0]: a text alone cannot be computed"`)
	s.do("PUT", "/Consent/d", `{"resourceType":"Consent","id":"d",`+consent[len(`{"resourceType":"Consent","id":"c",`):], "Prefer", "return=OperationOutcome").want(201).
		has(`"severity":"warning"`, `a text alone cannot be computed`, `Consent.provision.code[0]`)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","active":true}`).want(200).header("Ingle-Problem", "")
}
