package auth_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
)

// steps are what was traced of an app.
func (p *place) steps(c *identity.Client) []identity.Step {
	p.t.Helper()
	all, err := p.identity.Traced(p.t.Context(), c.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

func TestATraceTellsALaunchFromEndToEndAndNoSecret(t *testing.T) {
	p := practice(t, sandbox)
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	p.pretends(identity.Simulation{Client: c.ID})
	handle, err := p.identity.RegisterLaunch(t.Context(), identity.Launch{Client: c.ID, User: p.userID("ann")})
	if err != nil {
		t.Fatal(err)
	}
	ask := p.ask(c, "openid launch launch/patient offline_access patient/*.rs")
	ask.Set("launch", handle)
	ask.Set("nonce", "a-nonce-that-nobody-else-is-to-know-of")
	code := p.browser().open(ask).signIn("ann").allow().Get("code")
	form := codeForm(c, code)
	form.Set("client_secret", secret)
	got := p.token(form).want(200).json()
	token, refresh := got["access_token"].(string), got["refresh_token"].(string)
	p.fhir("Observation?code=x&access_token=oops", token).want(400)
	p.fhir("Patient/ann", token).want(200)
	again := refreshForm(c, refresh)
	again.Set("client_secret", secret)
	renewed := p.token(again).want(200).json()

	steps := p.steps(c)
	var seen []string
	for _, s := range steps {
		seen = append(seen, s.Method+" "+strings.Split(s.Path, "redacted")[0])
	}
	want := "GET /auth/authorize,GET /auth/request/,POST /auth/request/,GET /auth/request/,POST /auth/request/,POST /auth/token,GET /fhir/Observation,GET /fhir/Patient/ann,POST /auth/token"
	if strings.Join(seen, ",") != want {
		t.Errorf("%s\nnot %s", strings.Join(seen, ","), want)
	}
	text, err := json.Marshal(steps)
	if err != nil {
		t.Fatal(err)
	}
	for name, hidden := range map[string]string{
		"launch": handle, "code": code, "client_secret": secret, "access token": token, "refresh token": refresh, "id_token": got["id_token"].(string),
		"new token": renewed["access_token"].(string), "new refresh token": renewed["refresh_token"].(string), "verifier": verifier, "state": "st=ate",
		"nonce": "a-nonce", "password": password, "token in a query": "oops",
	} {
		if strings.Contains(string(text), hidden) {
			t.Errorf("the trace tells the %s", name)
		}
	}
	if s := steps[5]; s.Answer["patient"] != "ann" || !strings.Contains(s.Answer["scope"], "patient/*.rs") || s.Sent["code"] != steps[4].Answer["code"] {
		t.Errorf("%+v after %+v", s, steps[4])
	}
}

// userID is the id of a user.
func (p *place) userID(login string) string {
	p.t.Helper()
	u, err := p.identity.UserByLogin(p.t.Context(), login)
	if err != nil {
		p.t.Fatal(err)
	}
	return u.ID
}

func TestATraceTellsWhatWentWrong(t *testing.T) {
	p := practice(t, sandbox)
	c, _ := p.register()
	p.pretends(identity.Simulation{Client: c.ID, Address: "127.0.0.1"})
	last := func() identity.Step {
		t.Helper()
		all := p.steps(c)
		if len(all) == 0 {
			t.Fatal("nothing is traced")
		}
		return all[len(all)-1]
	}
	asking := func(name, value string) identity.Step {
		ask := p.ask(c, "patient/*.rs")
		ask.Set(name, value)
		p.browser().open(ask)
		return last()
	}
	if s := asking("redirect_uri", "https://app.example/elsewhere"); s.Status != 400 || s.Answer["registered"] != redirect || s.Sent["redirect_uri"] != "https://app.example/elsewhere" {
		t.Errorf("%+v", s)
	}
	if s := asking("aud", "https://other.example/fhir"); s.Answer["error"] != "invalid_request" || !strings.Contains(s.Answer["error_description"], "aud is not") {
		t.Errorf("%+v", s)
	}
	if s := asking("code_challenge_method", "plain"); !strings.Contains(s.Answer["error_description"], "S256") {
		t.Errorf("%+v", s)
	}
	if s := asking("code_challenge", ""); !strings.Contains(s.Answer["error_description"], "PKCE") {
		t.Errorf("%+v", s)
	}
	if s := asking("client_id", "nobody"); !s.Stray || s.Answer["error"] == "" {
		t.Errorf("%+v", s)
	}
	p.token(url.Values{"grant_type": {"authorization_code"}, "client_id": {c.ID}, "code": {"igl_ac_wrong"}, "redirect_uri": {redirect}, "code_verifier": {verifier}}, "Origin", "https://elsewhere.example").want(400)
	if s := last(); s.Answer["error"] != "invalid_grant" || s.Answer["cors"] != "refused" {
		t.Errorf("%+v", s)
	}
	p.do(p.client, "OPTIONS", p.url+"/fhir/Patient", nil, "Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET")
	if s := last(); !s.Stray || s.Method != "OPTIONS" || s.Answer["cors"] != "refused" {
		t.Errorf("%+v", s)
	}
	p.fhir("Patient/ann", "igl_at_wrong").want(401)
	if s := last(); !s.Stray || s.Path != "/fhir/Patient/ann" || s.Status != 401 {
		t.Errorf("%+v", s)
	}
}

func TestNobodyElsesRequestsStandInATrace(t *testing.T) {
	p := practice(t, sandbox)
	mine, _ := p.register()
	other, _ := p.register()
	p.pretends(identity.Simulation{Client: mine.ID, Address: "192.0.2.1"})
	p.browser().open(p.ask(other, "patient/*.rs")).want(200)
	ask := p.ask(mine, "patient/*.rs")
	ask.Set("client_id", "nobody")
	p.browser().open(ask).want(400) // from another address than the simulation's
	if all := append(p.steps(mine), p.steps(other)...); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}
