package auth_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
)

func TestDiscoveryListsWhatIsReal(t *testing.T) {
	p := newPlace(t)
	a := p.do(p.client, "GET", p.url+"/fhir/.well-known/smart-configuration", nil, "Accept", "application/xml", "Origin", "https://anybody.example").want(200)
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error(a.header)
	}
	c := a.json()
	for name, path := range map[string]string{
		"authorization_endpoint": "/auth/authorize", "token_endpoint": "/auth/token", "introspection_endpoint": "/auth/introspect",
		"revocation_endpoint": "/auth/revoke", "registration_endpoint": "/auth/register", "jwks_uri": "/auth/jwks",
	} {
		if c[name] != p.url+path {
			t.Errorf("%s: %v", name, c[name])
		}
		if got := p.do(p.client, "OPTIONS", p.url+path, nil); got.status != http.StatusNoContent {
			t.Errorf("%s: nothing is there: %d", name, got.status)
		}
	}
	if c["issuer"] != p.url {
		t.Error(c["issuer"])
	}
	for name, values := range map[string][]string{
		"grant_types_supported":                            {"authorization_code", "refresh_token", "client_credentials"},
		"response_types_supported":                         {"code"},
		"code_challenge_methods_supported":                 {"S256"},
		"token_endpoint_auth_methods_supported":            {"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		"token_endpoint_auth_signing_alg_values_supported": {"RS384", "ES384", "PS256", "ES256", "EdDSA"},
	} {
		var got []string
		for _, v := range c[name].([]any) {
			got = append(got, v.(string))
		}
		if !slices.Equal(got, values) {
			t.Errorf("%s: %v", name, got)
		}
	}
	a.has(`"launch-ehr"`, `"launch-standalone"`, `"permission-v1"`, `"permission-v2"`, `"context-ehr-encounter"`, `"associated_endpoints":[{"url":"`+p.url+`/fhir"`)
	o := p.do(p.client, "GET", p.url+"/.well-known/openid-configuration", nil).want(200).has(`"RS256"`, `"public"`, `"fhirUser"`, `"request_parameter_supported":true`).json()
	for _, name := range []string{"userinfo_endpoint", "end_session_endpoint"} {
		if address, _ := o[name].(string); p.do(p.client, "OPTIONS", address, nil).status != http.StatusNoContent {
			t.Errorf("%s: %v", name, o[name])
		}
	}
	p.do(p.client, "GET", p.url+"/auth/style.json", nil).want(200).has("color_background")
	p.do(p.client, "GET", p.url+"/t/nobody/auth/jwks", nil).want(404)
}

func TestEveryAddressOfDiscoveryIsAbsolute(t *testing.T) {
	c := newPlace(t, withBrand(t, brandFile)).discovery()
	addresses := map[string]any{"issuer": c["issuer"], "user_access_brand_bundle": c["user_access_brand_bundle"]}
	for name, value := range c {
		if strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri") {
			addresses[name] = value
		}
	}
	for _, one := range c["associated_endpoints"].([]any) {
		e, _ := one.(map[string]any)
		addresses[fmt.Sprint("associated ", e["url"])] = e["url"]
	}
	for name, value := range addresses {
		text, _ := value.(string)
		if u, err := url.Parse(text); err != nil || !u.IsAbs() || u.Host == "" {
			t.Errorf("%s: %v", name, value)
		}
	}
	if len(addresses) < 11 {
		t.Errorf("%v", addresses)
	}
}

func TestOriginsOfRegisteredAppsMayAskForTokens(t *testing.T) {
	p := newPlace(t)
	p.register(func(c *identity.Client) { c.Origins = []string{"https://pages.example:8443"} })
	p.register(func(c *identity.Client) { c.Redirects, c.Approved = []string{"https://waiting.example/x"}, false })
	p.register(func(c *identity.Client) { c.Redirects = []string{"com.example.app:/back"} })
	for origin, known := range map[string]bool{
		"https://app.example": true, "https://pages.example:8443": true, "https://app.example.evil.example": false, "https://waiting.example": false,
		"http://app.example": false, "https://app.example:444": false, "null": false, "com.example.app:": false, "*": false, "https://app.example/": false,
	} {
		for _, path := range []string{"/auth/token", "/auth/introspect", "/auth/revoke", "/auth/userinfo"} {
			for _, method := range []string{"OPTIONS", "POST"} {
				h := p.do(p.client, method, p.url+path, nil, "Origin", origin, "Access-Control-Request-Method", "POST").header
				if got := h.Get("Access-Control-Allow-Origin"); (got == origin) != known || !known && got != "" || h.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
					t.Errorf("%s %s for %s: %q", method, path, origin, got)
				}
			}
		}
		if h := p.do(p.client, "OPTIONS", p.url+"/auth/token", nil, "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization").header; known != (h.Get("Access-Control-Allow-Methods") == "POST" && strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization")) {
			t.Errorf("the preflight of %s: %v", origin, h)
		}
		if got := p.do(p.client, "GET", p.url+"/auth/authorize", nil, "Origin", origin).header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("authorize for %s: %q", origin, got)
		}
	}
}

func TestIntrospectionTellsWhatATokenStandsFor(t *testing.T) {
	p := practice(t)
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	form := codeForm(c, p.browser().code(c, "openid fhirUser offline_access launch/patient patient/*.rs", "ann"))
	form.Set("client_secret", secret)
	tokens := p.token(form).want(200).json()
	ask := func(token string) url.Values {
		return url.Values{"token": {token}, "client_id": {c.ID}, "client_secret": {secret}}
	}
	introspect := func(form url.Values, header ...string) answer {
		return p.do(p.client, "POST", p.url+"/auth/introspect", form, header...)
	}
	u, err := p.identity.UserByLogin(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	got := introspect(ask(tokens["access_token"].(string))).want(200).json()
	for name, want := range map[string]any{
		"active": true, "client_id": c.ID, "scope": tokens["scope"], "exp": float64(p.clock.Time().Add(time.Hour).Unix()), "patient": "ann",
		"iss": p.url, "sub": u.ID, "fhirUser": p.url + "/fhir/Patient/ann", "token_type": "Bearer", "need_patient_banner": true,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, not %v", name, got[name], want)
		}
	}
	if got := introspect(ask(tokens["refresh_token"].(string))).want(200).json(); got["active"] != true || got["token_type"] != nil || got["iat"] != float64(p.clock.Time().Unix()) {
		t.Error(got)
	}
	for _, token := range []string{"x", "igl_at_x", "igl_rt_x", tokens["id_token"].(string)} {
		if got := introspect(ask(token)).want(200).body; strings.TrimSpace(got) != `{"active":false}` {
			t.Error(got)
		}
	}
	// A refresh token that was used stands for nothing more.
	again := refreshForm(c, tokens["refresh_token"].(string))
	again.Set("client_secret", secret)
	renewed := p.token(again).want(200).json()
	if got := introspect(ask(tokens["refresh_token"].(string))).want(200).body; strings.TrimSpace(got) != `{"active":false}` {
		t.Error("a used refresh token: ", got)
	}
	if got := introspect(ask(renewed["refresh_token"].(string))).want(200).json(); got["active"] != true {
		t.Error(got)
	}
	introspect(ask("")).refused(400, identity.InvalidRequest)
	introspect(url.Values{"token": {"x"}}).refused(401, identity.InvalidClient)
	public, _ := p.register()
	introspect(url.Values{"token": {tokens["access_token"].(string)}, "client_id": {public.ID}}).refused(401, identity.InvalidClient)

	other, otherSecret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	foreign := url.Values{"token": {tokens["access_token"].(string)}, "client_id": {other.ID}, "client_secret": {otherSecret}}
	if got := introspect(foreign).want(200).body; strings.TrimSpace(got) != `{"active":false}` {
		t.Error("another client's token is told: ", got)
	}
	// A token with the scope for it asks about any client's.
	b := p.backend("system/*.rs", "__introspect")
	bearer := func(scope string) string {
		return "Bearer " + p.token(backendForm(scope, signed(jose.ES384, ecKey(), headers("e"), p.claims(b)))).want(200).json()["access_token"].(string)
	}
	only := url.Values{"token": {tokens["access_token"].(string)}}
	if got := introspect(only, "Authorization", bearer("__introspect")).want(200).json(); got["active"] != true || got["client_id"] != c.ID {
		t.Error(got)
	}
	introspect(only, "Authorization", bearer("system/*.rs")).refused(403, identity.InsufficientScope)
	introspect(only, "Authorization", "Bearer igl_at_x").refused(401, identity.InvalidToken)
	p.clock.Pass(61 * time.Minute)
	if got := introspect(ask(tokens["access_token"].(string))).want(200).body; strings.TrimSpace(got) != `{"active":false}` {
		t.Error(got)
	}
}

// RFC 6750 §3
func TestAChallengeSaysWhatATokenLacks(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	token := p.tokens(c, "patient/*.rs", "ann")["access_token"].(string)
	for _, path := range []string{"/auth/userinfo", "/auth/launch"} {
		for authorization, want := range map[string]string{
			"":                            `Bearer realm="` + p.url + `"`,
			"Bearer igl_at_x":             `Bearer realm="` + p.url + `", error="invalid_token", error_description="`,
			"Bearer " + token:             `Bearer realm="` + p.url + `", error="insufficient_scope", error_description="`,
			"Basic " + basicOf(c.ID, "x"): `Bearer realm="` + p.url + `"`,
		} {
			a := p.do(p.client, "POST", p.url+path, url.Values{}, "Authorization", authorization)
			if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, want) || !strings.Contains(want, "error") && got != want {
				t.Errorf("%s with %q: %d %s", path, authorization, a.status, got)
			}
		}
	}
}

func TestIntrospectionTellsTheWholeLaunchContext(t *testing.T) {
	p := practice(t)
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	launched := p.ehr()(`{"client_id":"` + c.ID + `","user":"noor","patient":"ann","encounter":"visit","need_patient_banner":false,"intent":"reconcile","tenant":"ward-3",
		"fhirContext":[{"reference":"ImagingStudy/i","role":"https://x.example/role"}]}`).want(201).json()
	ask := p.ask(c, "launch openid fhirUser patient/*.rs")
	ask.Set("launch", launched["launch"].(string))
	form := codeForm(c, p.browser().open(ask).signIn("noor").allow().Get("code"))
	form.Set("client_secret", secret)
	tokens := p.token(form).want(200).json()
	got := p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {tokens["access_token"].(string)}, "client_id": {c.ID}, "client_secret": {secret}}).want(200).json()
	for _, name := range []string{"patient", "encounter", "need_patient_banner", "intent", "tenant", "smart_style_url", "fhirContext"} {
		if tokens[name] == nil || !reflect.DeepEqual(got[name], tokens[name]) {
			t.Errorf("%s: %v, not %v", name, got[name], tokens[name])
		}
	}
}

func TestARevokedTokenIsRefusedAtOnce(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	other, _ := p.register()
	tokens := p.tokens(c, "offline_access patient/*.rs", "ann")
	access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
	revoke := func(c *identity.Client, token string) answer {
		return p.do(p.client, "POST", p.url+"/auth/revoke", url.Values{"token": {token}, "client_id": {c.ID}, "token_type_hint": {"refresh_token"}})
	}
	good := func() bool {
		_, err := p.identity.CheckToken(t.Context(), access)
		return err == nil
	}
	revoke(other, access).want(200)
	revoke(other, refresh).want(200)
	revoke(c, "nonsense").want(200)
	revoke(c, "").refused(400, identity.InvalidRequest)
	if !good() {
		t.Fatal("another client revoked it")
	}
	revoke(c, access).want(200)
	if good() {
		t.Error("a revoked token is good")
	}
	tokens = p.token(refreshForm(c, refresh)).want(200).json()
	access, refresh = tokens["access_token"].(string), tokens["refresh_token"].(string)
	if !good() {
		t.Fatal("a new one is not")
	}
	revoke(c, refresh).want(200)
	if good() {
		t.Error("the access token outlives the refresh token")
	}
	p.token(refreshForm(c, refresh)).refused(400, identity.InvalidGrant)
}

func TestAnAppRegistersItselfAndWaits(t *testing.T) {
	p := practice(t)
	post := func(body string) answer { return p.post("/auth/register", body) }
	got := post(`{"client_name":"App","redirect_uris":["https://self.example/back"],"scope":"openid patient/*.rs eat"}`).want(201).json()
	if got["client_secret"] == nil || got["client_secret_expires_at"] != 0.0 || got["scope"] != "openid patient/*.rs" || got["token_endpoint_auth_method"] != "client_secret_basic" || got["__approved"] != false ||
		got["client_id"] == nil || got["client_name"] != "App" || !slices.Equal(got["redirect_uris"].([]any), []any{"https://self.example/back"}) {
		t.Error(got)
	}
	got = post(`{"client_name":"App","redirect_uris":["https://self.example/back"],"token_endpoint_auth_method":"none"}`).want(201).json()
	ask := p.ask(&identity.Client{ID: got["client_id"].(string)}, "patient/*.rs")
	ask.Set("redirect_uri", "https://self.example/back")
	p.browser().open(ask).want(400).has("not yet approved")
	if err := p.identity.ApproveClient(t.Context(), got["client_id"].(string)); err != nil {
		t.Fatal(err)
	}
	p.browser().open(ask).want(200).has("Sign in")
	for body, code := range map[string]identity.Code{
		`[]`: identity.InvalidClientMetadata,
		`{`:  identity.InvalidClientMetadata,
		`{"redirect_uris":["https://x.example"]}`:                                                                           identity.InvalidClientMetadata,
		`{"client_name":"x"}`:                                                                                               identity.InvalidRedirectURI,
		`{"client_name":"Ingle\u202eppA","redirect_uris":["https://x.example/"]}`:                                           identity.InvalidClientMetadata,
		`{"client_name":"Ingle\u2028x","redirect_uris":["https://x.example/"]}`:                                             identity.InvalidClientMetadata,
		`{"client_name":"x","redirect_uris":["http://x.example/"]}`:                                                         identity.InvalidRedirectURI,
		`{"client_name":"x","redirect_uris":["javascript:alert(1)"]}`:                                                       identity.InvalidRedirectURI,
		`{"client_name":"x","redirect_uris":["https://x.example/#a"]}`:                                                      identity.InvalidRedirectURI,
		`{"client_name":"x","redirect_uris":["https://x.example/"],"logo_uri":"javascript:alert(1)"}`:                       identity.InvalidClientMetadata,
		`{"client_name":"x","redirect_uris":["https://x.example/"],"response_types":["token"]}`:                             identity.InvalidClientMetadata,
		`{"client_name":"x","redirect_uris":["https://x.example/"],"grant_types":["password"]}`:                             identity.InvalidClientMetadata,
		`{"client_name":"x","redirect_uris":["https://x.example/"],"scope":"system/*.rs"}`:                                  identity.InvalidClientMetadata,
		`{"client_name":"x","redirect_uris":["https://x.example/"],"token_endpoint_auth_method":"client_secret_jwt"}`:       identity.InvalidClientMetadata,
		`{"client_name":"x","redirect_uris":["https://x.example/"],"token_endpoint_auth_method":"private_key_jwt"}`:         identity.InvalidClientMetadata,
		`{"client_name":"x","grant_types":["client_credentials"],"token_endpoint_auth_method":"client_secret_basic"}`:       identity.InvalidClientMetadata,
		`{"client_name":"x","grant_types":["client_credentials"],"token_endpoint_auth_method":"private_key_jwt","jwks":{}}`: identity.InvalidClientMetadata,
	} {
		p.clock.Pass(time.Minute)
		a := post(body)
		if a.status != 400 || a.json()["error"] != string(code) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

func TestRegistrationsAndTokenRequestsAreLimited(t *testing.T) {
	p := newPlace(t)
	p.limit("address tokens 1/s burst 3", "address registrations 1/s burst 2")
	for path, most := range map[string]int{"/auth/token": 3, "/auth/register": 2} {
		for range most {
			if a := p.do(p.client, "POST", p.url+path, url.Values{}); a.status == http.StatusTooManyRequests {
				t.Fatalf("%s is limited too early", path)
			}
		}
		a := p.do(p.client, "POST", p.url+path, url.Values{}).refused(429, identity.TemporarilyUnavailable)
		if a.header.Get("Retry-After") != "1" {
			t.Error(a.header)
		}
		p.clock.Pass(2 * time.Second)
		if a := p.do(p.client, "POST", p.url+path, url.Values{}); a.status == http.StatusTooManyRequests {
			t.Errorf("%s stays limited", path)
		}
	}
}

// A confidential app has a limit of its own, wherever it asks from.
func TestAConfidentialAppIsLimitedByItself(t *testing.T) {
	p := practice(t)
	p.limit("address tokens 1/s burst 3", "app tokens 1/s burst 3")
	secretly := func(c *identity.Client) { c.Auth = identity.AuthBasic }
	one, oneSecret := p.register(secretly)
	other, otherSecret := p.register(secretly)
	from := func(last byte) *http.Client {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, last)}}
		return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	}
	if resp, err := from(2).Get(p.url); err != nil {
		t.Skip("this system has one loopback address:", err)
	} else {
		resp.Body.Close()
	}
	ask := func(client *http.Client, c *identity.Client, secret string) answer {
		form := refreshForm(c, "igl_rt_guessed")
		form.Del("client_id")
		basic := base64.StdEncoding.EncodeToString([]byte(c.ID + ":" + secret))
		return p.do(client, "POST", p.url+"/auth/token", form, "Authorization", "Basic "+basic)
	}
	for i := range 3 {
		ask(from(byte(2+i)), one, oneSecret).refused(400, identity.InvalidGrant)
	}
	ask(from(5), one, oneSecret).refused(429, identity.TemporarilyUnavailable)
	ask(from(5), other, otherSecret).refused(400, identity.InvalidGrant)
	// Who does not know the secret uses nothing up.
	p.clock.Pass(10 * time.Second)
	for range 3 {
		ask(from(6), one, "igl_cs_guessed").refused(401, identity.InvalidClient)
	}
	for i := range 3 {
		ask(from(byte(7+i)), one, oneSecret).refused(400, identity.InvalidGrant)
	}
}

// Whoever says the client_id of a public app from one address does not shut out
// those who use it from others.
func TestAPublicAppIsNotShutOutByWhoeverSaysItsName(t *testing.T) {
	p := practice(t)
	p.limit("address tokens 1/s burst 3", "app tokens 1/s burst 3")
	c, _ := p.register()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	stranger := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	if resp, err := stranger.Get(p.url); err != nil {
		t.Skip("this system has one loopback address:", err)
	} else {
		resp.Body.Close()
	}
	for range 3 {
		p.do(stranger, "POST", p.url+"/auth/token", refreshForm(c, "igl_rt_guessed")).refused(400, identity.InvalidGrant)
	}
	p.do(stranger, "POST", p.url+"/auth/token", refreshForm(c, "igl_rt_guessed")).refused(429, identity.TemporarilyUnavailable)
	p.token(refreshForm(c, "igl_rt_another")).refused(400, identity.InvalidGrant)
}

func TestSigningOutLeadsBackToARegisteredAddressOnly(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) { c.PostLogout = []string{"https://app.example/bye?a=1"} })
	b := p.browser()
	tokens := p.token(codeForm(c, b.code(c, "openid patient/*.rs", "ann"))).want(200).json()
	end := func(pairs ...string) answer {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return b.do(b.http, "GET", p.url+"/auth/end-session?"+v.Encode(), nil)
	}
	hint := tokens["id_token"].(string)
	end("id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example/").want(400)
	end("post_logout_redirect_uri", "https://app.example/bye?a=1").want(400)
	end("id_token_hint", hint+"x").want(400)
	end("id_token_hint", hint, "client_id", "another").want(400)
	b.open(p.ask(c, "patient/*.cruds")).want(200).has("Allow Growth Chart access?")
	p.clock.Pass(time.Hour / 4) // the id_token has expired; as a hint it is good
	if got := end("id_token_hint", hint, "post_logout_redirect_uri", "https://app.example/bye?a=1", "state", "s 1").location().String(); got != "https://app.example/bye?a=1&state=s+1" {
		t.Error(got)
	}
	b.open(p.ask(c, "patient/*.rs")).want(200).has("Sign in")
	end().want(200).has("You are signed out")
}

func TestSigningOutIsAskedWithoutAHint(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	b.code(c, "openid patient/*.rs", "ann")
	g := page{b.do(b.http, "GET", p.url+"/auth/end-session", nil).want(200).has("Sign out?"), b, p.url + "/auth/end-session"}
	b.do(b.http, "POST", p.url+"/auth/end-session", url.Values{"confirm": {"1"}}).want(403)
	b.open(p.ask(c, "patient/*.cruds")).want(200).has("Allow Growth Chart access?")
	g.send("confirm", "1").want(200).has("You are signed out")
	b.open(p.ask(c, "patient/*.rs")).want(200).has("Sign in")
}
