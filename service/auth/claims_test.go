package auth_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
)

// asking asks by the parameter claims.
func (p *place) asking(c *identity.Client, scope, claims string) map[string][]string {
	ask := p.ask(c, scope)
	ask.Set("claims", claims)
	return ask
}

func TestClaimsAreAskedForByName(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	if p.do(p.client, "GET", p.url+"/.well-known/openid-configuration", nil).want(200).json()["claims_parameter_supported"] != true {
		t.Error("discovery does not say so")
	}
	for claims, want := range map[string]string{
		`{"id_token":{"fhirUser":null}}`: "openid fhirUser",
		`{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"profile":{"value":"x"},"auth_time":{"essential":true}}}`: "openid profile",
		`{"id_token":{"acr":{"values":["urn:x"]},"amr":null,"sub":null}}`:                                                           "openid",
		`{}`: "openid",
	} {
		back := p.browser().open(p.asking(c, "openid", claims)).signIn("ann").allow()
		tokens := p.token(codeForm(c, back.Get("code"))).want(200).json()
		told := p.do(p.client, "GET", p.url+"/auth/userinfo", nil, "Authorization", "Bearer "+tokens["access_token"].(string)).want(200).json()
		in := p.verified(tokens["id_token"])
		if tokens["scope"] != want || in["auth_time"] == nil ||
			(in["fhirUser"] != nil) != strings.Contains(want, "fhirUser") || (told["fhirUser"] != nil) != strings.Contains(want, "fhirUser") ||
			(in["name"] != nil) != strings.Contains(want, "profile") || (told["name"] != nil) != strings.Contains(want, "profile") {
			t.Errorf("%s: %v, %v, %v", claims, tokens["scope"], in, told)
		}
	}
	// What the app is not registered for, the user is not asked for; without openid it
	// is no request of OpenID Connect.
	less, _ := p.register(func(c *identity.Client) { c.Scopes = []string{"openid", "patient/*.rs"} })
	for c, scope := range map[*identity.Client]string{less: "openid patient/*.rs", c: "patient/*.rs"} {
		back := p.browser().open(p.asking(c, scope, `{"id_token":{"fhirUser":null}}`)).signIn("ann").allow()
		if got := p.token(codeForm(c, back.Get("code"))).want(200).json()["scope"]; got != scope {
			t.Errorf("%s: %v", scope, got)
		}
	}
	// The user may leave it out.
	back := p.browser().open(p.asking(c, "openid patient/*.rs", `{"userinfo":{"fhirUser":null}}`)).signIn("ann").allow("openid", "patient/*.rs")
	if got := p.token(codeForm(c, back.Get("code"))).want(200).json()["scope"]; got != "openid patient/*.rs" {
		t.Error(got)
	}
}

func TestAClaimSubSaysWhoHasToBeSignedIn(t *testing.T) {
	p := practice(t)
	c := p.signing()
	ann, err := p.identity.UserByLogin(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	sub := `{"id_token":{"sub":{"value":"` + ann.ID + `"}}}`
	b := p.browser()
	b.open(p.asking(c, "openid", sub)).signIn("ann").want(200).has("Allow Growth Chart access?")
	if got := p.browser().open(p.asking(c, "openid", sub)).signIn("dora").location().Query().Get("error"); got != "login_required" {
		t.Errorf("somebody else signs in: %q", got)
	}
	// A signed request holds it as an object.
	claims := p.object(c, "openid")
	claims["claims"] = json.RawMessage(sub)
	ask := p.ask(c, "openid")
	ask.Set("request", signed(jose.ES384, ecKey(), headers("e"), claims))
	if got := p.browser().open(ask).signIn("dora").location().Query().Get("error"); got != "login_required" {
		t.Errorf("somebody else signs in: %q", got)
	}
	// The hint and the claim are of one user.
	public, _ := p.register()
	hint, _ := p.token(codeForm(public, p.browser().code(public, "openid", "dora"))).want(200).json()["id_token"].(string)
	both := p.asking(public, "openid", sub)
	both["id_token_hint"] = []string{hint}
	if got := b.open(both).location().Query().Get("error"); got != "login_required" {
		t.Errorf("two users: %q", got)
	}
}

func TestClaimsThatAreWrongAreRefused(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for claims, want := range map[string]identity.Code{
		`x`:                                 identity.InvalidRequest,
		`[]`:                                identity.InvalidRequest,
		`{"id_token":"fhirUser"}`:           identity.InvalidRequest,
		`{"id_token":{"name":"x"}}`:         identity.InvalidRequest,
		`{"id_token":{"sub":{"value":7}}}`:  identity.InvalidRequest,
		`{"id_token":{"sub":{"value":""}}}`: identity.InvalidRequest,
		`{"id_token":{"x":"` + strings.Repeat("x", 5000) + `"}}`:       identity.InvalidRequest,
		strings.Repeat(`{"id_token":`, 300) + strings.Repeat("}", 300): identity.InvalidRequest,
		`{"id_token":{"acr":{"essential":true,"values":["urn:x"]}}}`:   identity.UnmetAuthentication,
		`{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}`:      identity.UnmetAuthentication,
	} {
		back := p.browser().open(p.asking(c, "openid", claims)).location().Query()
		if back.Get("error") != string(want) || back.Get("state") != "st=ate &1" {
			t.Errorf("%.80s: %v", claims, back)
		}
	}
}
