package fhirapi_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestAConsentThatCannotBeComputedIsTakenWithAWarning(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	const consent = `{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"provision":{"type":"deny","code":[{"text":"%s"}]}}`
	s.do("PUT", "/Consent/c", consent).want(201).header("Ingle-Problem", `"Consent.provision.code[0]: a text alone cannot be computed"`)
	s.do("PUT", "/Consent/d", `{"resourceType":"Consent","id":"d",`+consent[len(`{"resourceType":"Consent","id":"c",`):], "Prefer", "return=OperationOutcome").want(201).
		has(`"severity":"warning"`, `a text alone cannot be computed`, `Consent.provision.code[0]`)
	s.do("PUT", "/Device/pump", `{"resourceType":"Device","id":"pump"}`).want(201)
	s.do("PUT", "/Consent/e", strings.Replace(strings.Replace(consent, `"id":"c"`, `"id":"e"`, 1), `"code":[{"text":"%s"}]`,
		`"actor":[{"role":{"text":"pump"},"reference":{"reference":"Device/pump"}}]`, 1), "Prefer", "return=OperationOutcome").want(201).
		has(`"severity":"warning"`, `nobody asks as a Device here`, `Consent.provision.actor[0]`)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p","active":true}`).want(200).header("Ingle-Problem", "")
}

func TestABatchOrTransactionWarnsOfAConsentThatCannotBeComputed(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	for i, kind := range []string{"batch", "transaction"} {
		entry := func(code string) string {
			return fmt.Sprintf(`{"request":{"method":"POST","url":"Consent"},"resource":{"resourceType":"Consent","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
				"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"provision":{"type":"deny","code":[%s]}}}`, code)
		}
		a := s.do("POST", "", fmt.Sprintf(`{"resourceType":"Bundle","type":%q,"entry":[%s,%s]}`, kind, entry(`{"text":"all that hurts"}`), entry(`{"coding":[{"code":"x"}]}`))).want(200)
		a.has(`"severity":"warning"`, "a text alone cannot be computed", "Consent.provision.code[0]")
		if n := strings.Count(a.body, `"outcome"`); n != 1 {
			t.Errorf("%s: %d outcomes", kind, n)
		}
		list := s.get("/Consent/$unclear").want(200).body
		if n := strings.Count(list, `"name":"unclear"`); n != i+1 {
			t.Errorf("after a %s %d wait for a review: %s", kind, n, list)
		}
	}
}

func TestUnclearConsentsAreListedAndReviewedOverHTTP(t *testing.T) {
	s := newServer(t)
	s.do("PUT", "/Patient/p", `{"resourceType":"Patient","id":"p"}`).want(201)
	s.do("PUT", "/Consent/c", `{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/p"},"provision":{"type":"deny","code":[{"text":"all that hurts"}]}}`).want(201)
	s.get("/Consent/$unclear").want(200).has(`"valueString":"Consent/c"`, `"valueString":"Patient/p"`, `"valueString":"Consent.provision.code[0]"`, "a text alone cannot be computed")
	comment := `{"resourceType":"Parameters","parameter":[{"name":"comment","valueString":"asked the patient"}]}`
	s.do("POST", "/Consent/c/$review", `{"resourceType":"Parameters"}`).want(400).has("a review has a reason")
	s.do("POST", "/Consent/none/$review", comment).want(404).has("Consent/none does not wait for a review")
	s.do("POST", "/Consent/c/$review", comment).want(200).has("Consent/c")
	s.do("POST", "/Consent/c/$review", comment).want(404)
	s.get("/Consent/$unclear").want(200).has(`{"resourceType":"Parameters"}`)
	s.get("/Consent/$unclear?since=x").want(400)
	s.get("/Patient/$unclear").want(404)
}
