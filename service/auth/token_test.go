package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// tokens goes through all pages and exchanges the code.
func (p *place) tokens(c *identity.Client, scope, login string) map[string]any {
	p.t.Helper()
	return p.token(codeForm(c, p.browser().code(c, scope, login))).want(200).json()
}

func TestATokenRequestThatIsWrongGetsTheErrorOfItsRFC(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	code := p.browser().code(c, "patient/*.rs", "ann")
	for name, x := range map[string]struct {
		change func(url.Values)
		status int
		code   identity.Code
	}{
		"no grant_type":         {func(v url.Values) { v.Del("grant_type") }, 400, identity.InvalidRequest},
		"a password":            {func(v url.Values) { v.Set("grant_type", "password") }, 400, identity.UnsupportedGrantType},
		"grant_type twice":      {func(v url.Values) { v.Add("grant_type", "authorization_code") }, 400, identity.InvalidRequest},
		"credentials":           {func(v url.Values) { v.Set("grant_type", "client_credentials") }, 400, identity.UnauthorizedClient},
		"no client":             {func(v url.Values) { v.Del("client_id") }, 401, identity.InvalidClient},
		"an unknown client":     {func(v url.Values) { v.Set("client_id", "nobody") }, 401, identity.InvalidClient},
		"a secret of no client": {func(v url.Values) { v.Set("client_secret", "x") }, 401, identity.InvalidClient},
		"no code":               {func(v url.Values) { v.Del("code") }, 400, identity.InvalidRequest},
		"a code twice":          {func(v url.Values) { v.Add("code", code) }, 400, identity.InvalidRequest},
		"another code":          {func(v url.Values) { v.Set("code", "BAD") }, 400, identity.InvalidGrant},
		"no redirect_uri":       {func(v url.Values) { v.Del("redirect_uri") }, 400, identity.InvalidRequest},
		"another redirect_uri":  {func(v url.Values) { v.Set("redirect_uri", redirect+"/") }, 400, identity.InvalidGrant},
		"no verifier":           {func(v url.Values) { v.Del("code_verifier") }, 400, identity.InvalidGrant},
		"a blank verifier":      {func(v url.Values) { v.Set("code_verifier", "") }, 400, identity.InvalidGrant},
		"another verifier":      {func(v url.Values) { v.Set("code_verifier", strings.ToUpper(verifier)) }, 400, identity.InvalidGrant},
		"the challenge":         {func(v url.Values) { v.Set("code_verifier", challenge(verifier)) }, 400, identity.InvalidGrant},
		"a verifier of signs":   {func(v url.Values) { v.Set("code_verifier", strings.Repeat("!", 50)) }, 400, identity.InvalidGrant},
		"a short verifier":      {func(v url.Values) { v.Set("code_verifier", "abc") }, 400, identity.InvalidGrant},
		"an unknown resource":   {func(v url.Values) { v.Set("resource", "https://x.example") }, 400, identity.InvalidTarget},
	} {
		form := codeForm(c, code)
		x.change(form)
		a := p.token(form)
		if a.status != x.status || a.json()["error"] != string(x.code) || a.json()["error_description"] == nil ||
			a.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	p.token(nil).refused(400, identity.InvalidRequest)
	p.token(codeForm(c, code), "Content-Type", "application/json").refused(400, identity.InvalidRequest)
	p.do(p.client, "GET", p.url+"/auth/token", nil).refused(405, identity.InvalidRequest)
	p.token(url.Values{"grant_type": {strings.Repeat("x", 70<<10)}}).refused(413, identity.InvalidRequest)
	// None of it used the code up.
	p.token(codeForm(c, code)).want(200)
}

func TestACodeExpiresAfterAMinute(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	code := p.browser().code(c, "patient/*.rs", "ann")
	p.clock.Pass(61 * time.Second)
	p.token(codeForm(c, code)).refused(400, identity.InvalidGrant)
}

func TestRefreshingKeepsOrNarrowsScopesAndRotates(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	first := p.tokens(c, "openid offline_access patient/Patient.rs patient/Observation.rs", "ann")
	form := refreshForm(c, first["refresh_token"].(string))
	a := p.token(form).want(200)
	second := a.json()
	if second["scope"] != first["scope"] || second["refresh_token"] == first["refresh_token"] || second["patient"] != "ann" || second["id_token"] == nil {
		t.Error(second)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" {
		t.Error(a.header)
	}
	form = refreshForm(c, second["refresh_token"].(string))
	form.Set("scope", "patient/*.rs")
	p.token(form).refused(400, identity.InvalidScope)
	form.Set("scope", "patient/Patient.r")
	third := p.token(form).want(200).json()
	if third["scope"] != "patient/Patient.r" {
		t.Error(third)
	}
	// What was narrowed once is not for ever.
	fourth := p.token(refreshForm(c, third["refresh_token"].(string))).want(200).json()
	if fourth["scope"] != first["scope"] {
		t.Error(fourth)
	}
	other, _ := p.register()
	p.token(refreshForm(other, fourth["refresh_token"].(string))).refused(400, identity.InvalidGrant)
	p.token(refreshForm(c, "igl_rt_bogus")).refused(400, identity.InvalidGrant)
	p.token(refreshForm(c, "")).refused(400, identity.InvalidRequest)
	p.token(refreshForm(c, fourth["refresh_token"].(string))).want(200)
}

func TestARefreshTokenLastsHalfAYearAfterEachUse(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.tokens(c, "offline_access patient/*.rs", "ann")["refresh_token"].(string)
	for range 3 {
		p.clock.Pass(170 * 24 * time.Hour)
		token = p.token(refreshForm(c, token)).want(200).json()["refresh_token"].(string)
	}
	p.clock.Pass(181 * 24 * time.Hour)
	p.token(refreshForm(c, token)).refused(400, identity.InvalidGrant)
}

func TestOnlineAccessEndsWithTheSession(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	tokens := p.token(codeForm(c, b.code(c, "openid online_access patient/*.rs", "ann"))).want(200).json()
	p.clock.Pass(2 * time.Hour) // in which the app was used, and this server was not
	tokens = p.token(refreshForm(c, tokens["refresh_token"].(string))).want(200).json()
	b.do(b.http, "GET", p.url+"/auth/end-session?id_token_hint="+tokens["id_token"].(string), nil).want(200)
	p.token(refreshForm(c, tokens["refresh_token"].(string))).refused(400, identity.InvalidGrant)
	if _, err := p.identity.CheckToken(t.Context(), tokens["access_token"].(string)); err == nil {
		t.Error("the access token outlives the session")
	}
}

func TestOfflineAccessOutlivesTheSession(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	tokens := p.token(codeForm(c, b.code(c, "openid offline_access patient/*.rs", "ann"))).want(200).json()
	b.do(b.http, "GET", p.url+"/auth/end-session?id_token_hint="+tokens["id_token"].(string), nil).want(200)
	p.token(refreshForm(c, tokens["refresh_token"].(string))).want(200)
}

func TestWhatHappensToTheUserEndsItsTokens(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for name, change := range map[string]func(*identity.User){
		"disabled":      func(u *identity.User) { u.Disabled = true },
		"another role":  func(u *identity.User) { u.Roles = []identity.Role{identity.Proxy} },
		"another link":  func(u *identity.User) { u.Links = []identity.Link{{Type: "Patient", ID: "bob"}} },
		"all is undone": func(u *identity.User) { u.Roles = nil },
	} {
		login := strings.ReplaceAll(name, " ", "-")
		p.user(login, identity.Patient, identity.Link{Type: "Patient", ID: "ann"})
		tokens := p.tokens(c, "offline_access patient/*.rs", login)
		if _, err := p.identity.CheckToken(t.Context(), tokens["access_token"].(string)); err != nil {
			t.Fatal(err)
		}
		u, err := p.identity.UserByLogin(t.Context(), login)
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		if _, err := p.identity.UpdateUser(t.Context(), *u); err != nil {
			t.Fatal(err)
		}
		if _, err := p.identity.CheckToken(t.Context(), tokens["access_token"].(string)); err == nil {
			t.Errorf("%s: the access token is good", name)
		}
		p.token(refreshForm(c, tokens["refresh_token"].(string))).refused(400, identity.InvalidGrant)
	}
}

// verified are the claims of an id_token, which is verified as apps do.
func (p *place) verified(token any) (claims map[string]any) {
	p.t.Helper()
	text, _ := token.(string)
	parsed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		p.t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(p.do(p.client, "GET", p.url+"/auth/jwks", nil).want(200).body), &set); err != nil {
		p.t.Fatal(err)
	}
	if err := parsed.Claims(set, &claims); err != nil {
		p.t.Fatal(err)
	}
	return claims
}

func TestAnIDTokenSaysWhoTheUserIs(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	ask := p.ask(c, "openid fhirUser launch/patient")
	ask.Set("nonce", "n-1")
	g := p.browser().open(ask).signIn("noor").send("patient", "ann")
	tokens := p.token(codeForm(c, g.allow().Get("code"))).want(200).json()
	claims := p.verified(tokens["id_token"])
	u, err := p.identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	now := float64(p.clock.Time().Unix())
	for name, want := range map[string]any{
		"iss": p.url, "sub": u.ID, "aud": c.ID, "nonce": "n-1", "iat": now, "auth_time": now, "exp": now + 600, "fhirUser": p.url + "/fhir/Practitioner/noor",
	} {
		if claims[name] != want {
			t.Errorf("%s: %v, not %v", name, claims[name], want)
		}
	}
	info := p.do(p.client, "GET", p.url+"/auth/userinfo", nil, "Authorization", "Bearer "+tokens["access_token"].(string)).want(200).json()
	if info["sub"] != u.ID || info["fhirUser"] != p.url+"/fhir/Practitioner/noor" || info["name"] != nil {
		t.Error(info)
	}
	service := p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(p.backend("system/*.rs"))))).want(200).json()
	p.do(p.client, "GET", p.url+"/auth/userinfo", nil, "Authorization", "Bearer "+service["access_token"].(string)).refused(403, identity.InsufficientScope)
	a := p.do(p.client, "GET", p.url+"/auth/userinfo", nil).refused(401, identity.InvalidToken)
	if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") {
		t.Error(a.header)
	}
}

func TestAnOutsideServerGetsTokensThatItChecksItself(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	err := p.identity.SetResourceServer(t.Context(), identity.ResourceServer{URI: "https://images.example", Name: "Images", Scopes: smart.Scopes{"patient/ImagingStudy.rs"}})
	if err != nil {
		t.Fatal(err)
	}
	first := p.tokens(c, "offline_access fhirUser patient/*.rs", "ann")
	form := refreshForm(c, first["refresh_token"].(string))
	form.Set("resource", "https://images.example")
	tokens := p.token(form).want(200).json()
	if tokens["scope"] != "patient/ImagingStudy.rs" || tokens["expires_in"] != 300.0 {
		t.Error(tokens)
	}
	parsed, err := jwt.ParseSigned(tokens["access_token"].(string), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || parsed.Headers[0].ExtraHeaders["typ"] != "at+jwt" {
		t.Fatal(err, parsed.Headers)
	}
	set, err := p.identity.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := parsed.Claims(set, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["aud"] != "https://images.example" || claims["client_id"] != c.ID || claims["patient"] != "ann" || claims["scope"] != "patient/ImagingStudy.rs" {
		t.Error(claims)
	}
	if _, err := p.identity.CheckToken(t.Context(), tokens["access_token"].(string)); err == nil {
		t.Error("a token for another server is good here")
	}
	form.Set("refresh_token", tokens["refresh_token"].(string))
	form.Set("resource", p.url+"/fhir")
	p.token(form).want(200)
	// What the user allowed is nothing for the other server.
	form = refreshForm(c, p.tokens(c, "offline_access patient/Patient.rs", "ann")["refresh_token"].(string))
	form.Set("resource", "https://images.example")
	p.token(form).refused(400, identity.InvalidScope)
}

func TestATokenForAnOutsideServerIsIntrospected(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	err := p.identity.SetResourceServer(t.Context(), identity.ResourceServer{URI: "https://images.example", Name: "Images", Scopes: smart.Scopes{"patient/ImagingStudy.rs"}})
	if err != nil {
		t.Fatal(err)
	}
	b := p.backend("system/*.rs", identity.ScopeIntrospect)
	introspect := func(token string) map[string]any {
		bearer := p.token(backendForm(identity.ScopeIntrospect, signed(jose.ES384, ecKey(), headers("e"), p.claims(b)))).want(200).json()["access_token"].(string)
		return p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {token}}, "Authorization", "Bearer "+bearer).want(200).json()
	}
	form := refreshForm(c, p.tokens(c, "offline_access openid fhirUser patient/*.rs", "ann")["refresh_token"].(string))
	form.Set("resource", "https://images.example")
	tokens := p.token(form).want(200).json()
	token := tokens["access_token"].(string)
	got := introspect(token)
	for name, want := range map[string]any{
		"active": true, "aud": "https://images.example", "scope": "patient/ImagingStudy.rs", "client_id": c.ID, "patient": "ann", "iss": p.url,
		"exp": float64(p.clock.Time().Add(5 * time.Minute).Unix()),
	} {
		if got[name] != want {
			t.Errorf("%s: %v, not %v", name, got[name], want)
		}
	}
	if got := introspect(token + "A"); got["active"] != false {
		t.Error(got)
	}
	p.fhir("ImagingStudy?patient=ann", token).want(401)
	form.Set("refresh_token", tokens["refresh_token"].(string))
	other := p.token(form).want(200).json()["access_token"].(string)
	p.do(p.client, "POST", p.url+"/auth/revoke", url.Values{"token": {token}, "client_id": {c.ID}}).want(200)
	if one, two := introspect(token)["active"], introspect(other)["active"]; one != false || two != true {
		t.Errorf("%v, though it was revoked; %v, though it was not", one, two)
	}
	p.clock.Pass(5 * time.Minute)
	if got := introspect(other); got["active"] != false {
		t.Error(got)
	}
}

// SMART §2.0.15 names no client_id, and its clients for browsers send none.
func TestARefreshTokenOfAPublicAppSaysItself(t *testing.T) {
	p := practice(t)
	public, _ := p.register()
	form := refreshForm(public, p.tokens(public, "offline_access patient/*.rs", "ann")["refresh_token"].(string))
	form.Del("client_id")
	p.token(form).want(200)
	form.Set("refresh_token", "igl_rt_bogus")
	p.token(form).refused(400, identity.InvalidGrant)

	confidential, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthBasic })
	header := []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(confidential.ID+":"+secret))}
	tokens := p.token(codeForm(confidential, p.browser().code(confidential, "offline_access patient/*.rs", "ann")), header...).want(200).json()
	form.Set("refresh_token", tokens["refresh_token"].(string))
	p.token(form).refused(401, identity.InvalidClient)
	p.token(form, header...).want(200)
}
