package auth_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
)

// ehr is an outside record system that launches apps.
func (p *place) ehr() (launch func(body string) answer) {
	c := p.backend("system/*.rs", "__launch")
	token := p.token(backendForm("__launch", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).want(200).json()["access_token"].(string)
	return func(body string) answer {
		return p.post("/auth/launch", body, "Authorization", "Bearer "+token)
	}
}

func TestAnEHRLaunchBringsItsContext(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) { c.LaunchURI = "https://app.example/launch?x=1" })
	launch := p.ehr()
	registered := launch(`{"client_id":"` + c.ID + `","fhirUser":"Practitioner/noor","patient":"ann","encounter":"visit","need_patient_banner":false,"intent":"reconcile","tenant":"ward-3",
		"fhirContext":[{"reference":"ImagingStudy/i","role":"https://x.example/role"}]}`).want(201).json()
	opened, err := url.Parse(registered["launch_url"].(string))
	if err != nil || opened.Query().Get("iss") != p.url+"/fhir" || opened.Query().Get("x") != "1" || registered["expires_in"] != 300.0 {
		t.Fatal(registered)
	}
	ask := p.ask(c, "launch openid fhirUser patient/*.rs user/*.rs")
	ask.Set("launch", opened.Query().Get("launch"))
	b := p.browser()
	g := b.open(ask).signIn("noor")
	g.has("Ann Archer")
	a := p.token(codeForm(c, g.allow().Get("code"))).want(200)
	tokens := a.json()
	for name, want := range map[string]any{"patient": "ann", "encounter": "visit", "need_patient_banner": false, "intent": "reconcile", "tenant": "ward-3"} {
		if tokens[name] != want {
			t.Errorf("%s: %v, not %v", name, tokens[name], want)
		}
	}
	a.has(`"fhirContext":[{"reference":"ImagingStudy/i","role":"https://x.example/role"},{"reference":"PractitionerRole/gp","type":"PractitionerRole"}]`)
	if got := b.do(b.http, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query(); got.Get("error") != "invalid_request" {
		t.Errorf("a launch is used twice: %v", got)
	}
}

func TestALaunchTellsNoVisitToWhoeverDidNotAskForIt(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	launched := p.ehr()(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann","encounter":"visit"}`).want(201).json()
	ask := p.ask(c, "openid patient/*.rs")
	ask.Set("launch", launched["launch"].(string))
	tokens := p.token(codeForm(c, p.browser().open(ask).signIn("noor").allow().Get("code"))).want(200).json()
	if tokens["patient"] != "ann" || tokens["encounter"] != nil {
		t.Error(tokens)
	}
}

func TestALaunchIsForOneUserOneClientAndFiveMinutes(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	other, _ := p.register()
	launch := p.ehr()
	handle := func() string {
		return launch(`{"client_id":"` + c.ID + `","user":"Noor","patient":"ann"}`).want(201).json()["launch"].(string)
	}
	ask := func(c *identity.Client, handle string) url.Values {
		v := p.ask(c, "launch patient/*.rs")
		v.Set("launch", handle)
		return v
	}
	if got := p.browser().open(ask(c, handle())).signIn("dora").location().Query(); got.Get("error") != "access_denied" {
		t.Errorf("another user: %v", got)
	}
	b := p.browser()
	if got := b.do(b.http, "GET", p.url+"/auth/authorize?"+ask(other, handle()).Encode(), nil).location().Query(); got.Get("error") != "invalid_request" {
		t.Errorf("another client: %v", got)
	}
	late := handle()
	p.clock.Pass(5 * time.Minute)
	if got := b.do(b.http, "GET", p.url+"/auth/authorize?"+ask(c, late).Encode(), nil).location().Query(); got.Get("error") != "invalid_request" {
		t.Errorf("after five minutes: %v", got)
	}
}

func TestALaunchShowsNoPatientTheRecordOfAnother(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	launch := p.ehr()
	for patient, want := range map[string]string{"ann": "", "bob": "access_denied"} {
		ask := p.ask(c, "launch patient/*.rs")
		ask.Set("launch", launch(`{"client_id":"` + c.ID + `","user":"ann","patient":"` + patient + `"}`).want(201).json()["launch"].(string))
		g := p.browser().open(ask).signIn("ann")
		if want == "" {
			g.want(200).has("Allow Growth Chart access?", "Ann Archer")
		} else if got := g.location().Query().Get("error"); got != want {
			t.Errorf("%s: %q", patient, got)
		}
	}
}

func TestTwoTabsOfOneLaunchGetOneCode(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	handle := p.ehr()(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann"}`).want(201).json()["launch"].(string)
	ask := p.ask(c, "launch patient/*.rs")
	ask.Set("launch", handle)
	b := p.browser()
	one := b.open(ask).signIn("noor")
	two := b.open(ask)
	if one.allow().Get("code") == "" {
		t.Error("no code")
	}
	two.send("allow", "1", "scope", "patient/*.rs").want(409).has("answered this already")
}

func TestALaunchThatIsWrongIsRefused(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	launch := p.ehr()
	p.user("otto", identity.Practitioner)
	otto, err := p.identity.UserByLogin(t.Context(), "otto")
	if err != nil {
		t.Fatal(err)
	}
	otto.Disabled = true
	if _, err := p.identity.UpdateUser(t.Context(), *otto); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]map[string]any{
		"an unknown client":    {"client_id": "nobody"},
		"an unknown user":      {"user": "nobody"},
		"no user":              {"user": ""},
		"a disabled user":      {"user": "otto"},
		"an unknown resource":  {"user": "", "fhirUser": "Practitioner/nobody"},
		"a long intent":        {"intent": strings.Repeat("i", 257)},
		"a long tenant":        {"tenant": strings.Repeat("t", 257)},
		"too many items":       {"fhirContext": slices.Repeat([]any{map[string]any{"reference": "Basic/b"}}, 21)},
		"a reference for id":   {"patient": "Patient/ann"},
		"an empty item":        {"fhirContext": []any{map[string]any{}}},
		"an absolute item":     {"fhirContext": []any{map[string]any{"reference": "https://x.example/fhir/A/1"}}},
		"a patient as item":    {"fhirContext": []any{map[string]any{"reference": "Patient/bob"}}},
		"a patient's launch":   {"fhirContext": []any{map[string]any{"reference": "Patient/bob", "role": "launch"}}},
		"a patient by type":    {"fhirContext": []any{map[string]any{"identifier": map[string]any{"value": "1"}, "type": "Patient"}}},
		"a visit as item":      {"fhirContext": []any{map[string]any{"reference": "Encounter/visit"}}},
		"a role of no meaning": {"fhirContext": []any{map[string]any{"reference": "Basic/b", "role": "r"}}},
		"a role like an URI":   {"fhirContext": []any{map[string]any{"reference": "Basic/b", "role": "r:"}}},
		"a role with a space":  {"fhirContext": []any{map[string]any{"reference": "Basic/b", "role": "the role: r"}}},
		"a canonical of text":  {"fhirContext": []any{map[string]any{"canonical": "http-like"}}},
		"a style of script":    {"smart_style_url": "javascript:alert(1)"},
		"a relative style":     {"smart_style_url": "/style.json"},
		"an identifier string": {"fhirContext": []any{map[string]any{"identifier": "x"}}},
		"another type":         {"fhirContext": []any{map[string]any{"reference": "Basic/b", "type": "List"}}},
	} {
		body := map[string]any{"client_id": c.ID, "user": "noor", "patient": "ann"}
		for k, v := range change {
			body[k] = v
		}
		a := launch(string(must(json.Marshal(body))))
		if a.status != 400 || a.json()["error"] != "invalid_request" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	launch(`[`).refused(400, identity.InvalidRequest)
	p.do(p.client, "POST", p.url+"/auth/launch", url.Values{}).refused(401, identity.InvalidToken)
}
