package auth_test

import (
	"crypto"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
)

// signing registers an app that signs users in and has keys.
func (p *place) signing() *identity.Client {
	p.t.Helper()
	c, _ := p.register(func(c *identity.Client) {
		c.Auth, c.JWKS = identity.AuthAsymmetric, keySet(map[string]crypto.PublicKey{"e": ecKey().Public()})
	})
	return c
}

// object are the claims of a request object that is as it should be.
func (p *place) object(c *identity.Client, scope string) map[string]any {
	claims := map[string]any{"iss": c.ID, "exp": p.clock.Time().Add(5 * time.Minute).Unix()}
	for name, values := range p.ask(c, scope) {
		claims[name] = values[0]
	}
	claims["aud"] = []string{p.url, p.url + "/fhir"}
	return claims
}

func TestARequestCanBeSigned(t *testing.T) {
	p := practice(t)
	c := p.signing()
	for _, typ := range []string{"JWT", "oauth-authz-req+jwt"} {
		claims := p.object(c, "openid patient/Patient.rs")
		claims["max_age"], claims["login_hint"] = 300, "ann"
		header := map[jose.HeaderKey]any{"kid": "e", "typ": typ}
		// What stands beside the object does not count.
		ask := url.Values{"client_id": {c.ID}, "scope": {"user/*.cruds"}, "redirect_uri": {"https://evil.example/"}, "response_type": {"code"}, "state": {"other"}}
		ask.Set("request", signed(jose.ES384, ecKey(), header, claims))
		g := p.browser().open(ask)
		g.has(`value="ann"`)
		back := g.signIn("ann").allow()
		form := codeForm(c, back.Get("code"))
		form.Set("client_assertion_type", assertion)
		form.Set("client_assertion", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))
		if got := p.token(form).want(200).json()["scope"]; got != "openid patient/Patient.rs" || back.Get("state") != "st=ate &1" {
			t.Errorf("%s: %v, %v", typ, got, back)
		}
	}
	// SMART's aud stands in it, too.
	claims := p.object(c, "patient/*.rs")
	claims["aud"] = p.url
	ask := p.ask(c, "patient/*.rs")
	ask.Set("request", signed(jose.ES384, ecKey(), headers("e"), claims))
	if got := p.do(p.client, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query().Get("error"); got != "invalid_request" {
		t.Error(got)
	}
}

func TestARequestObjectThatIsWrongIsRefused(t *testing.T) {
	p := practice(t)
	c := p.signing()
	other := p.signing()
	sign := func(change func(map[string]any)) string {
		claims := p.object(c, "patient/*.rs")
		change(claims)
		return signed(jose.ES384, ecKey(), headers("e"), claims)
	}
	set := func(name string, v any) func(map[string]any) { return func(m map[string]any) { m[name] = v } }
	for name, object := range map[string]string{
		"nobody's signature":   signed(jose.ES384, otherKey(), headers("e"), p.object(c, "patient/*.rs")),
		"no signature":         "eyJhbGciOiJub25lIn0.e30.",
		"an unknown key":       signed(jose.ES384, ecKey(), headers("x"), p.object(c, "patient/*.rs")),
		"another type":         signed(jose.ES384, ecKey(), map[jose.HeaderKey]any{"kid": "e", "typ": "at+jwt"}, p.object(c, "patient/*.rs")),
		"an assertion":         signed(jose.ES384, ecKey(), headers("e"), p.claims(c)),
		"a sub":                sign(set("sub", "x")),
		"another iss":          sign(set("iss", other.ID)),
		"another aud":          sign(set("aud", "https://other.example")),
		"another client":       sign(set("client_id", other.ID)),
		"no client":            sign(func(m map[string]any) { delete(m, "client_id") }),
		"an object in it":      sign(set("request", "x")),
		"an address in it":     sign(set("request_uri", "https://x.example")),
		"no exp":               sign(func(m map[string]any) { delete(m, "exp") }),
		"it has expired":       sign(set("exp", p.clock.Time().Add(-time.Minute).Unix())),
		"it expires far ahead": sign(set("exp", p.clock.Time().Add(time.Hour).Unix())),
	} {
		ask := p.ask(c, "patient/*.rs")
		ask.Set("request", object)
		if got := p.do(p.client, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query(); got.Get("error") != "invalid_request_object" || got.Get("state") != "st=ate &1" {
			t.Errorf("%s: %v", name, got)
		}
		// Without an address that is registered nobody but the user is told.
		ask.Set("redirect_uri", "https://evil.example/")
		p.do(p.client, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).want(400)
	}
	// Nobody's keys are fetched before an administrator looked at the app.
	host := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the keys were fetched") }))
	defer host.Close()
	waiting, _ := p.register(func(c *identity.Client) { c.Auth, c.JWKSURI, c.Approved = identity.AuthAsymmetric, host.URL, false })
	ask := p.ask(waiting, "patient/*.rs")
	ask.Set("request", signed(jose.ES384, ecKey(), headers("e"), p.object(waiting, "patient/*.rs")))
	p.browser().open(ask).want(400).has("not yet approved")
	// A request object is no assertion.
	p.token(backendForm("patient/*.rs", sign(func(map[string]any) {}))).refused(401, identity.InvalidClient)
}
