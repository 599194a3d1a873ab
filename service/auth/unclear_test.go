package auth_test

import (
	"strings"
	"testing"
)

func TestAPrivacyOfficerSeesWhichConsentsAreUnclear(t *testing.T) {
	p := surgery(t)
	g := p.visit("vera", "/account/privacy")
	g.has("All consents can be computed")
	p.put(`{"resourceType":"Consent","id":"odd","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policy":[{"uri":"https://policy.example"}],
		"patient":{"reference":"Patient/ann"},"dateTime":"2026-02-01","provision":{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":{"display":"my neighbour"}}]}]}}`)
	g = g.get("/account/privacy")
	g.has("Consent/odd of Patient/ann")
	if strings.Contains(g.body, "All consents can be computed") {
		t.Error("the page says that all is clear")
	}
}
