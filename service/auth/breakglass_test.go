package auth_test

import (
	"strings"
	"testing"
	"time"
)

const anns = `Patient/ann; until=2026-03-01T10:00:00Z`

// breakGlass breaks the glass.
func (p *place) breakGlass(patient, token, reason string) answer {
	p.t.Helper()
	return p.post("/fhir/Patient/"+patient+"/$break-glass", `{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"`+reason+`"}]}`,
		"Authorization", "Bearer "+token, "Content-Type", "application/fhir+json")
}

func TestWhoBreaksTheGlassSeesTheRecordForAWhile(t *testing.T)           { breaksTheGlass(t) }
func TestWhoBreaksTheGlassSeesTheRecordForAWhilePostgreSQL(t *testing.T) { breaksTheGlass(t) }

func breaksTheGlass(t *testing.T) {
	p := surgery(t)
	p.put(`{"resourceType":"Observation","id":"sealed","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ann"}}`,
		`{"resourceType":"Observation","id":"sealed-bob","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]},"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/bob"}}`)
	c, _ := p.register()
	answered := p.tokens(c, "offline_access user/*.cruds", "noor")
	noor := answered["access_token"].(string)
	total := func(token string, want float64) answer {
		t.Helper()
		a := p.fhir("Observation?_total=accurate", token).want(200)
		if got := a.json()["total"]; got != want {
			t.Errorf("%v observations are seen, want %v", got, want)
		}
		return a
	}
	before := total(noor, 1)
	if strings.Contains(before.body, "glass") || before.header.Get("Ingle-Break-Glass") != "" {
		t.Error(before.body)
	}
	p.breakGlass("ann", noor, "short").want(422).has("say why")
	total(noor, 1)
	a := p.breakGlass("ann", noor, "brought in unconscious").want(200).has(`"until","valueString":"2026-03-01T10:00:00Z"`)
	if got := a.header.Get("Ingle-Break-Glass"); got != anns {
		t.Error(got)
	}
	broken := total(noor, 3).has("You have broken the glass for Patient/ann until 2026-03-01T10:00:00Z")
	if got := broken.header.Get("Ingle-Break-Glass"); got != anns {
		t.Error(got)
	}
	p.fhir("Observation/sealed", noor).want(200)
	p.fhir("Observation/sealed-bob", noor).want(404)
	if got := p.fhir("Observation/none", noor).want(404).header.Get("Ingle-Break-Glass"); got != anns {
		t.Error(got)
	}
	p.fhir("Observation/of-ann/$why", noor).want(200).has("The user broke the glass for Patient/ann")
	p.clock.Pass(59 * time.Minute)
	total(noor, 3)
	p.clock.Pass(time.Minute)
	noor = p.token(refreshForm(c, answered["refresh_token"].(string))).want(200).json()["access_token"].(string)
	after := total(noor, 1)
	if strings.Contains(after.body, "glass") || after.header.Get("Ingle-Break-Glass") != "" {
		t.Error(after.body)
	}
}

func TestTheGlassHoldsWhereItMust(t *testing.T) {
	p := surgery(t)
	noor := p.access("noor", "user/*.cruds")
	p.breakGlass("ann", p.access("desk", "user/*.cruds"), "no business of theirs").want(403).has("purpose BTG")
	p.breakGlass("ann", p.access("ann", "patient/*.cruds"), "my own record is it").want(403)
	p.breakGlass("none", noor, "brought in unconscious").want(404)
	p.breakGlass("ann", p.access("noor", "user/Observation.rs"), "brought in unconscious").want(403)
	p.breakGlass("ann", "", "brought in unconscious").want(401)
	p.do(p.client, "GET", p.url+"/fhir/Patient/ann/$break-glass", nil, "Authorization", "Bearer "+noor).want(405)
	p.post("/fhir", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"Patient/ann/$break-glass"},"resource":{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"brought in unconscious"}]}}]}`,
		"Authorization", "Bearer "+noor, "Content-Type", "application/fhir+json").want(200).has("a request of its own")
	p.consent("ann", `{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}]},{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`)
	hidden, missing := p.breakGlass("ann", noor, "brought in unconscious").want(404), p.breakGlass("non", noor, "brought in unconscious").want(404)
	if strings.ReplaceAll(hidden.body, "ann", "") != strings.ReplaceAll(missing.body, "non", "") {
		t.Errorf("%s\n%s", hidden.body, missing.body)
	}
	// Without a reason nobody learns whether there is such a patient.
	p.consent("bob", `{"type":"permit","provision":[{"type":"deny","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]}`)
	hidden, missing = p.breakGlass("bob", noor, "short").want(422).has("say why"), p.breakGlass("non", noor, "short").want(422)
	if hidden.body != missing.body {
		t.Errorf("%s\n%s", hidden.body, missing.body)
	}
	if all, err := p.identity.Glasses(t.Context(), true); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}

func TestAPrivacyOfficerReviewsBrokenGlass(t *testing.T) {
	p := surgery(t)
	noor := p.access("noor", "user/*.cruds")
	g := p.visit("vera", "/account/privacy")
	g.want(200).has("Nobody has broken the glass")
	p.breakGlass("ann", noor, "brought in unconscious <b>").want(200)
	p.fhir("Observation/of-ann", noor).want(200)
	p.visit("vera", "/account").want(200).has("Privacy (1 to review)")
	g = g.get("/account/privacy")
	g.want(200).has("noor looked at Patient/ann", "still open", "brought in unconscious <b>", "Growth Chart", "1 March 2026, 10:00 UTC")
	if strings.Contains(g.body, "<b>") {
		t.Error("markup is taken")
	}
	all, err := p.identity.Glasses(t.Context(), true)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	g = g.to("/account/privacy", "glass", all[0].ID, "do", "end")
	g.want(200).has("The access has ended.", "ended by vera")
	p.fhir("Observation/of-ann", noor).want(404)
	g.to("/account/privacy", "glass", all[0].ID, "do", "review", "comment", strings.Repeat("x", 2001)).want(422).has("at most 2000")
	g = g.to("/account/privacy", "glass", all[0].ID, "do", "review", "comment", "called the ward")
	g.want(200).has("Reviewed.", "Nobody has broken the glass", "Reviewed by vera", "called the ward")
	if strings.Contains(g.body, "to review)") {
		t.Error("it still waits")
	}
	g.to("/account/privacy", "glass", "none", "do", "review").want(404)
	g.to("/account/privacy", "glass", all[0].ID, "do", "nothing").want(422)
}

func TestWhoBrokeTheGlassEndsIt(t *testing.T) {
	p := surgery(t)
	noor := p.access("noor", "user/*.cruds")
	mend := func() answer {
		return p.post("/fhir/Patient/ann/$mend-glass", "", "Authorization", "Bearer "+noor)
	}
	mend().want(404)
	p.breakGlass("ann", noor, "brought in unconscious").want(200)
	again := p.breakGlass("ann", noor, "brought in unconscious again").want(200)
	if got := again.header.Values("Ingle-Break-Glass"); len(got) != 1 || got[0] != anns {
		t.Errorf("broken again, it is told as %q", got)
	}
	if got := p.fhir("Observation/of-ann", noor).want(200).header.Values("Ingle-Break-Glass"); len(got) != 1 || got[0] != anns {
		t.Errorf("broken twice, the next answer tells %q", got)
	}
	p.breakGlass("bob", noor, "brought in unconscious").want(200)
	if got := mend().want(200).header.Values("Ingle-Break-Glass"); len(got) != 1 || !strings.HasPrefix(got[0], "Patient/bob;") {
		t.Errorf("of ann and bob, whose glass was broken, ann's is whole again, and told is %q", got)
	}
	p.fhir("Observation/of-ann", noor).want(404)
}

func TestAnAdministratorSaysForHowLongTheGlassIsBroken(t *testing.T) {
	p := surgery(t)
	g := p.visit("root", "/account/policy")
	g.want(200).has(`name="glass" value="60"`)
	g.to("/account/policy", "glass", "15").want(200).has("Saved.", `name="glass" value="15"`)
	for _, wrong := range []string{"4", "1441", "an hour"} {
		g.to("/account/policy", "glass", wrong).want(422).has("5 minutes to 24 hours")
	}
	p.breakGlass("ann", p.access("noor", "user/*.cruds"), "brought in unconscious").want(200).has("2026-03-01T09:15:00Z")
	policy, err := p.identity.Policy(t.Context())
	if err != nil || policy.GlassFor != 15*time.Minute {
		t.Error(policy, err)
	}
}

func TestAUserBreaksTheGlassSoOftenAtOnceAndNoMore(t *testing.T) {
	p := surgery(t)
	noor := p.access("noor", "user/*.cruds")
	for range 19 {
		p.breakGlass("ann", noor, "brought in unconscious").want(200)
	}
	p.breakGlass("bob", noor, "brought in unconscious").want(200)
	p.breakGlass("bob", noor, "brought in unconscious").want(422).has("20 of your emergency accesses are open", "end one of them first", "too-costly")
	if all, err := p.identity.Glasses(t.Context(), true); err != nil || len(all) != 20 {
		t.Errorf("%d glasses are broken: %v", len(all), err)
	}
	p.post("/fhir/Patient/bob/$mend-glass", "", "Authorization", "Bearer "+noor).want(200)
	p.breakGlass("bob", noor, "brought in unconscious").want(200)
}
