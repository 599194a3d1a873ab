package auth_test

import (
	"strings"
	"testing"
)

func TestAnAdministratorSaysWhatHoldsWhereNoConsentDecides(t *testing.T) {
	p := surgery(t)
	noor := p.access("noor", "user/*.rs")
	p.fhir("Observation/of-bob", noor).want(200)
	g := p.visit("root", "/account/policy")
	g.want(200).has(`value="TREAT" checked`, `value="HRESCH"> Research`, "v3-ActCode|ETHUD")
	g.to("/account/policy", "do", "consents", "permit", "HRESCH", "sealed", "").want(200).has("Saved.", `value="TREAT"> Treatment`, `value="HRESCH" checked`)
	p.fhir("Observation/of-bob", noor).want(404)
	g.to("/account/policy", "do", "consents", "permit", "CURE").want(422).has("is no purpose of use", `value="CURE" checked`)
	g.to("/account/policy", "do", "consents", "permit", "TREAT", "sealed", "HIV").want(422).has("is no label", ">HIV</textarea>")
	g.to("/account/policy", "role", "nurse").want(200)
	p.fhir("Observation/of-bob", noor).want(404)
	g.to("/account/policy", "do", "consents", "reset", "true").want(200).has("Saved.", "v3-ActCode|ETHUD")
	p.fhir("Observation/of-bob", noor).want(200)
	p.visit("vera", "/account/policy").want(403)
	var forms []string
	for _, line := range told(p.events(0)) {
		if strings.Contains(line, "consents") {
			forms = append(forms, line)
		}
	}
	if len(forms) != 4 || !strings.Contains(forms[0], "root consents; permit HRESCH; sealed nothing") || !strings.Contains(forms[3], "as on a new server") {
		t.Errorf("the events of four forms: %q", forms)
	}
}
