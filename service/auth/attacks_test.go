package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// The attacks that SECURITY.md lists, each with what it meets.

func TestAttackMixUp(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs")).signIn("ann")
	for name, back := range map[string]url.Values{"allowed": g.allow(), "refused": func() url.Values {
		ask := p.ask(c, "patient/*.rs")
		ask.Set("prompt", "none")
		return p.do(p.client, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query()
	}()} {
		if back.Get("iss") != p.url {
			t.Errorf("%s: the answer does not say whose it is: %v", name, back)
		}
	}
	// A redirect_uri of each server keeps answers apart, too: its query stays.
	own, _ := p.register(func(c *identity.Client) { c.Redirects = []string{redirect + "?server=ingle"} })
	ask := p.ask(own, "patient/*.rs")
	ask.Set("redirect_uri", redirect+"?server=ingle")
	if got := p.browser().open(ask).signIn("ann").allow(); got.Get("server") != "ingle" || got.Get("code") == "" {
		t.Error(got)
	}
}

func TestAttackOpenRedirect(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for name, change := range map[string]func(url.Values){
		"an unregistered address":  func(v url.Values) { v.Set("redirect_uri", "https://evil.example/") },
		"no address":               func(v url.Values) { v.Del("redirect_uri") },
		"two addresses":            func(v url.Values) { v.Add("redirect_uri", "https://evil.example/") },
		"an unknown client":        func(v url.Values) { v.Set("client_id", "nobody") },
		"no client":                func(v url.Values) { v.Del("client_id") },
		"two clients":              func(v url.Values) { v.Add("client_id", "nobody") },
		"and an error beside that": func(v url.Values) { v.Set("redirect_uri", "https://evil.example/"); v.Del("response_type") },
	} {
		ask := p.ask(c, "patient/*.rs")
		change(ask)
		a := p.do(p.client, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil)
		if a.status != 400 || a.header.Get("Location") != "" || strings.Contains(a.body, "evil") {
			t.Errorf("%s: %d %s %s", name, a.status, a.header.Get("Location"), a.body)
		}
	}
	if a := p.do(p.client, "GET", p.url+"/auth/end-session?post_logout_redirect_uri=https://evil.example/", nil); a.header.Get("Location") != "" {
		t.Error("after signing out")
	}
}

func TestAttackWrongAudience(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for _, aud := range []string{"https://evil.example/fhir", p.url, p.url + "/fhir/Patient", p.url + "/fhir//", p.url + "/FHIR", p.url + "/fhir?x", ""} {
		ask := p.ask(c, "patient/*.rs")
		ask.Set("aud", aud)
		if got := p.do(p.client, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query(); got.Get("error") != "invalid_request" || got.Get("code") != "" {
			t.Errorf("%q: %v", aud, got)
		}
	}
	ask := p.ask(c, "patient/*.rs")
	ask.Set("aud", p.url+"/fhir/")
	p.browser().open(ask).want(200)
}

func TestAttackCodeInjection(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	other, _ := p.register()
	victim := p.browser().code(c, "offline_access patient/*.rs", "ann")
	// The attacker has the code, and a request of his own with another verifier.
	form := codeForm(c, victim)
	form.Set("code_verifier", strings.Repeat("attacker-", 6))
	p.token(form).refused(400, identity.InvalidGrant)
	form.Del("code_verifier")
	p.token(form).refused(400, identity.InvalidGrant)
	// Or a client of his own.
	p.token(codeForm(other, victim)).refused(400, identity.InvalidGrant)
	// It did the victim no harm.
	p.token(codeForm(c, victim)).want(200)
}

func TestAttackCodeReplay(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	code := p.browser().code(c, "offline_access patient/*.rs", "ann")
	tokens := p.token(codeForm(c, code)).want(200).json()
	p.fhir("Patient/ann", tokens["access_token"].(string)).want(200)
	p.token(codeForm(c, code)).refused(400, identity.InvalidGrant)
	p.fhir("Patient/ann", tokens["access_token"].(string)).want(401)
	p.token(refreshForm(c, tokens["refresh_token"].(string))).refused(400, identity.InvalidGrant)
}

func TestAttackRefreshTokenReplay(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	stolen := p.tokens(c, "offline_access patient/*.rs", "ann")["refresh_token"].(string)
	fresh := p.token(refreshForm(c, stolen)).want(200).json()
	// A client that lost the answer may ask once more at once.
	twin := p.token(refreshForm(c, stolen)).want(200).json()
	p.clock.Pass(time.Minute)
	next := p.token(refreshForm(c, fresh["refresh_token"].(string))).want(200).json()
	p.clock.Pass(time.Minute)
	p.token(refreshForm(c, twin["refresh_token"].(string))).refused(400, identity.InvalidGrant)
	for _, tokens := range []map[string]any{fresh, twin, next} {
		p.fhir("Patient/ann", tokens["access_token"].(string)).want(401)
		p.token(refreshForm(c, tokens["refresh_token"].(string))).refused(400, identity.InvalidGrant)
	}
}

func TestAttackPKCEDowngrade(t *testing.T) {
	p := practice(t)
	excepted, secret := p.register(func(c *identity.Client) {
		c.Auth, c.NoPKCEUntil = identity.AuthPost, p.clock.Time().Add(24*time.Hour)
	})
	without := func() url.Values {
		ask := p.ask(excepted, "patient/*.rs")
		ask.Del("code_challenge")
		ask.Del("code_challenge_method")
		return ask
	}
	form := codeForm(excepted, p.browser().open(without()).signIn("ann").allow().Get("code"))
	form.Set("client_secret", secret)
	// The client sent a challenge, and somebody took it out of the request.
	p.token(form).refused(400, identity.InvalidGrant)
	form.Del("code_verifier")
	p.token(form).want(200)
	// The client sends a challenge: the exception is none from leaving it out later.
	form = codeForm(excepted, p.browser().open(p.ask(excepted, "patient/*.rs")).signIn("ann").allow().Get("code"))
	form.Set("client_secret", secret)
	form.Del("code_verifier")
	p.token(form).refused(400, identity.InvalidGrant)
	p.clock.Pass(25 * time.Hour)
	b := p.browser()
	if got := b.do(b.http, "GET", p.url+"/auth/authorize?"+without().Encode(), nil).location().Query(); got.Get("error") != "invalid_request" {
		t.Errorf("the exception has no end: %v", got)
	}
	plain := p.ask(excepted, "patient/*.rs")
	plain.Set("code_challenge_method", "plain")
	plain.Set("code_challenge", challenge(verifier)) // which looks like one of S256
	if got := b.do(b.http, "GET", p.url+"/auth/authorize?"+plain.Encode(), nil).location().Query(); got.Get("error") != "invalid_request" {
		t.Errorf("plain: %v", got)
	}
	if _, err := p.identity.CreateClient(t.Context(), &identity.Client{
		Name: "x", Auth: identity.AuthNone, Redirects: []string{redirect}, NoPKCEUntil: p.clock.Time().Add(time.Hour),
	}); err == nil {
		t.Error("a public client is excepted")
	}
}

func TestAttackRedirectTricks(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Redirects = []string{"https://app.example/back", "http://127.0.0.1:4000/back", "http://localhost:4000/back", "com.example.app:/back"}
	})
	for asked, ok := range map[string]bool{
		"https://app.example/back":                 true,
		"http://127.0.0.1:51234/back":              true,
		"http://127.0.0.1/back":                    true,
		"http://localhost:4000/back":               true,
		"com.example.app:/back":                    true,
		"http://localhost:4001/back":               false,
		"https://app.example/back/":                false,
		"https://app.example/back?x=1":             false,
		"https://app.example/back#x":               false,
		"https://app.example/back/../evil":         false,
		"https://app.example/BACK":                 false,
		"https://APP.example/back":                 false,
		"https://app.example:443/back":             false,
		"http://app.example/back":                  false,
		"https://app.example.evil.example/back":    false,
		"https://app.example@evil.example/back":    false,
		"https://evil.example/https://app.example": false,
		"https://app.example%2fback":               false,
		"https://app.example\\@evil.example/back":  false,
		"//app.example/back":                       false,
		"http://127.0.0.1:4000/back/../x":          false,
		"http://127.0.0.1:4000/back?x":             false,
		"http://127.0.0.1:4000@evil.example/back":  false,
		"http://127.0.0.1.evil.example/back":       false,
		"http://127.0.0.2:4000/back":               false,
		"http://[::1]:4000/back":                   false,
		"https://127.0.0.1:4000/back":              false,
		"http://127.0.0.1:999999/back":             false,
		"http://127.0.0.1:/back":                   false,
		"com.example.app:/back/x":                  false,
		"com.example.app2:/back":                   false,
		"javascript:alert(1)":                      false,
		" https://app.example/back":                false,
		"https://app.example/back\n":               false,
		"https://app.example/back\x00":             false,
	} {
		ask := p.ask(c, "patient/*.rs")
		ask.Set("redirect_uri", asked)
		b := p.browser()
		a := b.do(b.http, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil)
		if ok != (a.status == http.StatusSeeOther) || !ok && a.header.Get("Location") != "" {
			t.Errorf("%q: %d %s", asked, a.status, a.header.Get("Location"))
		}
	}
	// The code is for the address that it was sent to.
	code := p.browser().code(c, "patient/*.rs", "ann")
	form := codeForm(c, code)
	form.Set("redirect_uri", "com.example.app:/back")
	p.token(form).refused(400, identity.InvalidGrant)
}

func TestAttackTokenSubstitution(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	err := p.identity.SetResourceServer(t.Context(), identity.ResourceServer{URI: "https://images.example", Name: "Images", Scopes: smart.Scopes{"patient/*.rs"}})
	if err != nil {
		t.Fatal(err)
	}
	code := p.browser().code(c, "openid fhirUser offline_access patient/*.rs", "ann")
	p.fhir("Patient/ann", code).want(401)
	p.token(refreshForm(c, code)).refused(400, identity.InvalidGrant)
	tokens := p.token(codeForm(c, code)).want(200).json()
	access, refresh, id := tokens["access_token"].(string), tokens["refresh_token"].(string), tokens["id_token"].(string)
	form := refreshForm(c, refresh)
	form.Set("resource", "https://images.example")
	outside := p.token(form).want(200).json()
	for name, token := range map[string]string{
		"refresh token": refresh, "id_token": id, "token for another server": outside["access_token"].(string), "cut": access[:len(access)-1], "longer": access + "A",
		"in other case": strings.ToLower(access),
	} {
		if a := p.fhir("Patient/ann", token); a.status != 401 {
			t.Errorf("%s as access token: %d", name, a.status)
		}
		if a := p.do(p.client, "GET", p.url+"/auth/userinfo", nil, "Authorization", "Bearer "+token); a.status != 401 {
			t.Errorf("%s at userinfo: %d", name, a.status)
		}
	}
	p.token(refreshForm(c, access)).refused(400, identity.InvalidGrant)
	p.token(codeForm(c, access)).refused(400, identity.InvalidGrant)
	p.do(p.client, "GET", p.url+"/auth/end-session?id_token_hint="+outside["access_token"].(string), nil).want(400)
}

func TestAttackAlgorithmConfusion(t *testing.T) {
	p := newPlace(t)
	c := p.backend("system/*.rs")
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(rsaKey().Public()))})
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(must(json.Marshal(v))) }
	none := part(map[string]any{"alg": "none", "kid": "r", "typ": "JWT"}) + "." + part(p.claims(c)) + "."
	swapped := strings.Split(signed(jose.RS384, rsaKey(), headers("r"), p.claims(c)), ".")
	swapped[0] = part(map[string]any{"alg": "ES384", "kid": "r", "typ": "JWT"})
	for name, jwt := range map[string]string{
		"none":                      none,
		"HS256 with a public key":   signed(jose.HS256, public, headers("r"), p.claims(c)),
		"HS384 with a public key":   signed(jose.HS384, public, headers("r"), p.claims(c)),
		"RS256":                     signed(jose.RS256, rsaKey(), headers("r"), p.claims(c)),
		"PS384":                     signed(jose.PS384, rsaKey(), headers("r"), p.claims(c)),
		"PS256 of a key for RS384":  signed(jose.PS256, rsaKey(), headers("r"), p.claims(c)),
		"ES256 with a kid of P-384": signed(jose.ES256, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), headers("e"), p.claims(c)),
		"another alg in the head":   strings.Join(swapped, "."),
		"RS384 with the kid of EC":  signed(jose.RS384, rsaKey(), headers("e"), p.claims(c)),
		"ES384 with kid of RSA":     signed(jose.ES384, ecKey(), headers("r"), p.claims(c)),
	} {
		a := p.token(backendForm("system/*.rs", jwt))
		if a.status != 401 || a.json()["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestAttackKidInjection(t *testing.T) {
	p := newPlace(t)
	c := p.backend("system/*.rs")
	evil := jose.JSONWebKey{Key: otherKey().Public(), KeyID: "evil"}
	for name, header := range map[string]map[jose.HeaderKey]any{
		"a path":           {"kid": "../../../../dev/null"},
		"SQL":              {"kid": "e' OR '1'='1"},
		"an address":       {"kid": "https://evil.example/key"},
		"a zero byte":      {"kid": "e\x00"},
		"a number":         {"kid": 1},
		"a key of its own": {"kid": "evil", "jwk": evil},
		"a certificate":    {"kid": "e", "x5u": "https://evil.example/x"},
		"a jku":            {"kid": "evil", "jku": "https://evil.example/keys"},
	} {
		a := p.token(backendForm("system/*.rs", signed(jose.ES384, otherKey(), header, p.claims(c))))
		if a.status != 401 || a.json()["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestAttackAssertionReplay(t *testing.T) {
	p := newPlace(t)
	c := p.backend("system/*.rs")
	jwt := signed(jose.ES384, ecKey(), headers("e"), p.claims(c))
	p.token(backendForm("system/*.rs", jwt)).want(200)
	p.token(backendForm("system/*.rs", jwt)).refused(401, identity.InvalidClient)
	p.clock.Pass(5 * time.Minute)
	if err := p.identity.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.token(backendForm("system/*.rs", jwt)).refused(401, identity.InvalidClient)
}

func TestAttackCrossSiteRequestOnConsent(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	g := b.open(p.ask(c, "offline_access patient/*.rs")).signIn("ann")
	other := b.open(p.ask(c, "patient/*.rs"))
	allow := url.Values{"step": {"consent"}, "allow": {"1"}, "scope": {"patient/*.rs"}, "term": {"open"}}
	token := func(g page) string { return field.FindStringSubmatch(g.body)[2] }
	post := func(form url.Values, header ...string) answer {
		return b.do(b.http, "POST", g.address, form, header...)
	}
	post(allow).want(403)
	allow.Set("token", "guessed")
	post(allow).want(403)
	allow.Set("token", token(other))
	post(allow).want(403)
	allow.Set("token", token(g))
	post(allow, "Origin", "https://evil.example").want(403)
	post(allow, "Sec-Fetch-Site", "cross-site").want(403)
	// Another browser has not the cookie of the request.
	attacker := p.browser()
	attacker.do(attacker.http, "POST", g.address, allow).want(404)
	attacker.do(attacker.http, "GET", g.address, nil).want(404)
	post(allow, "Sec-Fetch-Site", "same-origin", "Origin", p.url).location()
}

func TestAttackCrossSiteRequestOnSignIn(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	// The attacker's request and its form in the victim's browser would sign the
	// victim in as the attacker.
	g := p.browser().open(p.ask(c, "patient/*.rs"))
	form := url.Values{"step": {"sign-in"}, "login": {"dora"}, "password": {password}, "token": {field.FindStringSubmatch(g.body)[2]}}
	victim := p.browser()
	a := victim.do(victim.http, "POST", g.address, form)
	if a.status != 404 || len(a.header.Values("Set-Cookie")) > 0 {
		t.Error(a.status, a.header)
	}
}

// What is done by POST alone looks for the form's token in a POST alone.
func TestAPieceOfAMethodIsNoMethod(t *testing.T) {
	p := practice(t)
	b := p.browser()
	b.follow(b.do(b.http, "GET", p.url+"/account", nil)).signIn("ann").want(200)
	for _, method := range []string{"POS", "T", "ET", "PUT"} {
		b.do(b.http, method, p.url+"/account/sign-out", nil).want(405)
		b.do(b.http, method, p.url+"/auth/end-session", nil).want(405)
	}
	b.do(b.http, "GET", p.url+"/account", nil).want(200)
}

func TestAttackClickjacking(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	signIn := b.open(p.ask(c, "launch/patient patient/*.rs"))
	choice := signIn.signIn("noor")
	consent := choice.send("patient", "ann")
	for name, a := range map[string]answer{
		"sign-in": signIn.answer, "choice": choice.answer, "consent": consent.answer, "error": p.do(p.client, "GET", p.url+"/auth/authorize", nil),
		"sign-out": b.do(b.http, "GET", p.url+"/auth/end-session", nil),
	} {
		policy := a.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: %s", name, policy)
			}
		}
		if strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") || a.header.Get("X-Frame-Options") != "DENY" ||
			a.header.Get("Cache-Control") != "no-store" || strings.Contains(a.body, "<script") {
			t.Errorf("%s: %v", name, a.header)
		}
	}
	if !strings.Contains(consent.header.Get("Content-Security-Policy"), "form-action 'self' https://app.example") {
		t.Error(consent.header.Get("Content-Security-Policy"))
	}
}

func TestAttackSessionFixation(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	u := must(url.Parse(p.url))
	const fixed = "igl_se_chosen-by-the-attacker"
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "ingle-session", Value: fixed, Path: "/"}})
	b.open(p.ask(c, "patient/*.rs")).signIn("ann").has("Allow Growth Chart access?")
	first := ""
	for _, k := range b.http.Jar.Cookies(u) {
		if k.Name == "ingle-session" {
			first = k.Value
		}
	}
	if first == "" || first == fixed {
		t.Fatalf("the session is %q", first)
	}
	p.clock.Pass(time.Second)
	ask := p.ask(c, "patient/*.rs")
	ask.Set("prompt", "login")
	g := b.open(ask)
	form := url.Values{"session": {""}, "login": {"ann"}, "password": {password}, "step": {"sign-in"}, "token": {field.FindStringSubmatch(g.body)[2]}}
	a := b.do(b.http, "POST", g.address, form)
	found := false
	for _, line := range a.header.Values("Set-Cookie") {
		if strings.HasPrefix(line, "ingle-session=") {
			found = true
			if strings.Contains(line, first) || !strings.Contains(line, "HttpOnly") || !strings.Contains(line, "SameSite=Lax") {
				t.Error(line)
			}
		}
	}
	if !found {
		t.Error("signing in again keeps the session")
	}
}

func TestAttackScopeWidening(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Scopes = smart.Scopes{"offline_access", "patient/Observation.rs?category=laboratory", "patient/Patient.r"}
	})
	tokens := p.tokens(c, "offline_access patient/*.cruds patient/Observation.rs user/*.cruds", "ann")
	if tokens["scope"] != "offline_access patient/Observation.rs?category=laboratory patient/Patient.r" {
		t.Error(tokens["scope"])
	}
	for _, wider := range []string{"patient/Observation.rs", "patient/Patient.rs", "patient/*.r", "patient/Observation.rs?category=vital-signs", "openid", "user/Patient.r"} {
		form := refreshForm(c, tokens["refresh_token"].(string))
		form.Set("scope", wider)
		p.token(form).refused(400, identity.InvalidScope)
	}
}

// Whoever acted for a patient once does not for ever.
func TestARelationThatIsOverOpensNoRecord(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for rest, want := range map[string]bool{
		``: true, `,"active":true`: true, `,"active":false`: false,
		`,"period":{"start":"2020"}`: true, `,"period":{"end":"2026"}`: true, `,"period":{"end":"2026-03"}`: true, `,"period":{"end":"2026-03-01"}`: true,
		`,"period":{"end":"2026-03-01T09:00:01Z"}`: true, `,"period":{"end":"2026-03-01T10:00:00+02:00"}`: false, `,"period":{"end":"2026-03-01T09:00:00Z"}`: false,
		`,"period":{"end":"2026-02-28"}`: false, `,"period":{"end":"2026-02"}`: false, `,"period":{"end":"2025"}`: false,
	} {
		p.put(`{"resourceType":"RelatedPerson","id":"for-ann"` + rest + `,"patient":{"reference":"Patient/ann"}}`)
		choice := p.browser().open(p.ask(c, "launch/patient patient/*.rs")).signIn("dora")
		if got := strings.Contains(choice.body, "Archer"); got != want {
			t.Errorf("%s: %v", rest, got)
		}
	}
	p.put(`{"resourceType":"Person","id":"dora","active":false,"link":[{"target":{"reference":"Patient/bob"}}]}`)
	if back := p.browser().open(p.ask(c, "launch/patient patient/*.rs")).signIn("dora").location().Query(); back.Get("error") != "access_denied" {
		t.Error(back)
	}
}
