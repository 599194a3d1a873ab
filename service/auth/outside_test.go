package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/inglehealth/ingle/identity"
)

// provider is an outside OpenID Connect provider at which everybody is who it
// says. It answers the code of an authorization with the nonce that was asked.
type provider struct {
	*httptest.Server
	subject string
	nonce   string
}

func (p *place) provider(subject string) *provider {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	o := &provider{subject: subject}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			p.t.Error(err)
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": o.URL, "authorization_endpoint": o.URL + "/authorize", "token_endpoint": o.URL + "/token", "jwks_uri": o.URL + "/jwks"})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
		if err != nil {
			p.t.Error(err)
		}
		now := p.clock.Time().Unix()
		token, err := jwt.Signed(signer).Claims(map[string]any{"iss": o.URL, "sub": o.subject, "aud": "ingle", "iat": now, "exp": now + 300, "nonce": o.nonce, "name": "Noor"}).Serialize()
		if err != nil {
			p.t.Error(err)
		}
		answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": token})
	})
	o.Server = httptest.NewServer(mux)
	p.t.Cleanup(o.Close)
	if err := p.identity.SetProvider(p.t.Context(), identity.Provider{ID: "hospital", Name: "Hospital sign-in", Issuer: o.URL, ClientID: "ingle", Secret: "s"}); err != nil {
		p.t.Fatal(err)
	}
	return o
}

// back is where the provider sends the browser that was sent to address.
func (o *provider) back(t *testing.T, address string) string {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, o.URL+"/authorize?") {
		t.Fatalf("not to the provider: %q", address)
	}
	asked := to.Query()
	o.nonce = asked.Get("nonce")
	return asked.Get("redirect_uri") + "?" + url.Values{"code": {"c"}, "state": {asked.Get("state")}}.Encode()
}

var links = regexp.MustCompile(`<a class="button[^"]*" href="([^"]*)"`)

// link is the address of the page's button that leads away.
func (a answer) link() string {
	a.t.Helper()
	m := links.FindStringSubmatch(a.body)
	if m == nil {
		a.t.Fatalf("no link in %s", a.body)
	}
	return html.UnescapeString(m[1])
}

func TestAProviderIsAskedOnlySoOften(t *testing.T) {
	p := practice(t)
	p.limit("address authorizations 1/s burst 2")
	p.provider("subject-1")
	begin := func() answer { return p.do(p.client, "GET", p.url+"/auth/outside/to/hospital", nil) }
	begin().want(303)
	begin().want(303)
	if a := begin().want(429).has("authorization requests"); a.header.Get("Retry-After") != "1" {
		t.Error(a.header)
	}
	p.clock.Pass(2 * time.Second)
	begin().want(303)
}

func TestSomebodySignsInThroughAnOutsideProvider(t *testing.T) {
	p := practice(t)
	o := p.provider("subject-1")
	c, _ := p.register()

	// Nobody is linked yet.
	stranger := p.browser()
	page := stranger.open(p.ask(c, "patient/*.rs"))
	to := stranger.do(stranger.http, "GET", page.want(200).has("Sign in with Hospital sign-in").link(), nil)
	stranger.follow(stranger.do(stranger.http, "GET", o.back(t, to.header.Get("Location")), nil)).want(403).has("link it")

	// Ann links her account.
	ann := p.browser()
	account := ann.follow(ann.do(ann.http, "GET", p.url+"/account/security", nil))
	account = account.send("login", "ann", "password", password)
	account.want(200).has("Link an account at Hospital sign-in")
	form := url.Values{"provider": {"hospital"}}
	p.do(ann.http, "POST", p.url+"/account/outside/link", form).want(403) // without the form's token
	for _, m := range field.FindAllStringSubmatch(account.body, -1) {
		if m[1] == "token" {
			form.Set("token", html.UnescapeString(m[2]))
		}
	}
	link := p.do(ann.http, "POST", p.url+"/account/outside/link", form).want(200).link()
	back := o.back(t, link)
	p.do(stranger.http, "GET", back, nil).want(400) // another browser
	linked := ann.follow(p.do(ann.http, "GET", back, nil))
	linked.want(200).has("Unlink")
	p.do(ann.http, "GET", back, nil).want(400) // once

	// Now the provider signs her in, and the request goes on.
	b := p.browser()
	page = b.open(p.ask(c, "openid patient/*.rs"))
	to = b.do(b.http, "GET", page.link(), nil)
	answer := b.follow(b.do(b.http, "GET", o.back(t, to.header.Get("Location")), nil))
	if code := answer.allow().Get("code"); code == "" {
		t.Error("no code")
	}

	// It leads nowhere else, and not to unknown providers.
	for next, want := range map[string]string{"https://evil.example": "/account", "//evil.example": "/account", "/auth/request/../../x": "/account"} {
		b := p.browser()
		to := b.do(b.http, "GET", p.url+"/auth/outside/to/hospital?"+url.Values{"next": {next}}.Encode(), nil)
		done := b.do(b.http, "GET", o.back(t, to.header.Get("Location")), nil)
		if got := done.header.Get("Location"); got != p.url+want {
			t.Errorf("%s leads to %s", next, got)
		}
	}
	p.do(p.client, "GET", p.url+"/auth/outside/to/other", nil).want(404)
	p.do(p.client, "GET", p.url+"/auth/outside/back?code=c&state=s", nil).want(400)

	// Unlinked she is a stranger again.
	for _, m := range field.FindAllStringSubmatch(linked.body, -1) {
		if m[1] == "account" || m[1] == "token" {
			form.Set(m[1], html.UnescapeString(m[2]))
		}
	}
	p.clock.Pass(16 * time.Minute)
	p.do(ann.http, "POST", p.url+"/account/outside/unlink", form).want(403).has("sign in again")
	ann = p.browser()
	account = ann.follow(ann.do(ann.http, "GET", p.url+"/account/security", nil)).send("login", "ann", "password", password)
	for _, m := range field.FindAllStringSubmatch(account.body, -1) {
		if m[1] == "token" {
			form.Set("token", html.UnescapeString(m[2]))
		}
	}
	p.do(ann.http, "POST", p.url+"/account/outside/unlink", form).want(303)
	to = stranger.do(stranger.http, "GET", p.url+"/auth/outside/to/hospital", nil)
	stranger.do(stranger.http, "GET", o.back(t, to.header.Get("Location")), nil).want(403)
}
