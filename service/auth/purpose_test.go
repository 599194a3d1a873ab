package auth_test

import (
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
)

// purposed asks for an authorization for a purpose.
func (p *place) purposed(c *identity.Client, login, purpose string) page {
	p.t.Helper()
	ask := p.ask(c, "user/*.cruds")
	ask.Set("purpose_of_use", purpose)
	return p.browser().open(ask).signIn(login)
}

func TestAnAppAsksForAPurposeThatTheUsersRoleHas(t *testing.T) {
	p := surgery(t)
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	g := p.purposed(c, "noor", "HOPERAT")
	g.want(200).has("The app asks for this purpose: <strong>operations (HOPERAT)</strong>")
	form := codeForm(c, g.allow().Get("code"))
	form.Set("client_secret", secret)
	token := p.token(form).want(200).json()["access_token"].(string)
	p.fhir("Observation/of-ann", token).want(200) // what Ann denies is treatment
	told := p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {token}, "client_id": {c.ID}, "client_secret": {secret}}).want(200).json()
	if told["purpose_of_use"] != "HOPERAT" {
		t.Error(told)
	}
	if got := p.purposed(c, "noor", "HRESCH").location().Query().Get("error"); got != string(identity.AccessDenied) {
		t.Error(got)
	}
	for _, purpose := range []string{"BTG", "FUN"} {
		ask := p.ask(c, "user/*.cruds")
		ask.Set("purpose_of_use", purpose)
		if got := p.browser().open(ask).location().Query().Get("error"); got != string(identity.InvalidRequest) {
			t.Errorf("%s: %s", purpose, got)
		}
	}
	if got := p.purposed(c, "ann", "TREAT").location().Query().Get("error"); got != string(identity.AccessDenied) {
		t.Error(got)
	}
	p.purposed(c, "ann", "PATRQT").want(200).has("what the patient asks for (PATRQT)")
}

func TestAServiceAsksForAPurposeThatItIsRegisteredFor(t *testing.T) {
	p := surgery(t)
	p.consent("bob", `{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HRESCH"}]}`)
	c := p.backend("system/*.rs")
	ask := func(purpose string) answer {
		form := backendForm("system/*.rs", signed(jose.RS384, rsaKey(), headers("r"), p.claims(c)))
		if purpose != "" {
			form.Set("purpose_of_use", purpose)
		}
		return p.token(form)
	}
	seen := func(a answer, want float64) {
		t.Helper()
		token := a.want(200).json()["access_token"].(string)
		if got := p.fhir("Observation?_total=accurate", token).want(200).json()["total"]; got != want {
			t.Errorf("%v are seen, want %v", got, want)
		}
	}
	seen(ask(""), 2)
	seen(ask("HOPERAT"), 2)
	ask("HRESCH").refused(400, identity.InvalidRequest)
	c, err := p.identity.Client(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.Purposes = []string{"HRESCH"}
	if err := p.identity.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	seen(ask("HRESCH"), 2) // both permit more than treatment
	p.consent("ann", `{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}`)
	seen(ask("HRESCH"), 1)
	c.Purposes = []string{access.BreakGlass}
	if err := p.identity.UpdateClient(t.Context(), c); err == nil {
		t.Error("BTG is registered")
	}
}
