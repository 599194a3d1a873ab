package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

var (
	rsaKey    = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey     = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	otherKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// keySet is a JWK Set of public keys, by kid.
func keySet(keys map[string]crypto.PublicKey) json.RawMessage {
	var set jose.JSONWebKeySet
	for id, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k, KeyID: id})
	}
	return must(json.Marshal(set))
}

// signed is a JWT.
func signed(alg jose.SignatureAlgorithm, key any, header map[jose.HeaderKey]any, claims any) string {
	o := &jose.SignerOptions{ExtraHeaders: header}
	s := must(jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o))
	return must(must(s.Sign(must(json.Marshal(claims)))).CompactSerialize())
}

var serial int

// claims are those of an assertion that is as it should be.
func (p *place) claims(c *identity.Client) map[string]any {
	serial++
	return map[string]any{
		"iss": c.ID, "sub": c.ID, "aud": p.url + "/auth/token", "jti": fmt.Sprint("jti-", serial), "exp": p.clock.Time().Add(5 * time.Minute).Unix(),
	}
}

func headers(kid string) map[jose.HeaderKey]any {
	return map[jose.HeaderKey]any{"kid": kid, "typ": "JWT"}
}

func backendForm(scope, jwt string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion_type": {assertion}, "client_assertion": {jwt}}
}

// backend registers a backend service with both keys.
func (p *place) backend(scopes ...string) *identity.Client {
	p.t.Helper()
	c, _ := p.register(func(c *identity.Client) {
		c.Name, c.Redirects, c.Auth, c.Grants, c.Scopes = "Reports", nil, identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}, scopes
		c.JWKS = keySet(map[string]crypto.PublicKey{"r": rsaKey().Public(), "e": ecKey().Public()})
	})
	return c
}

func TestABackendServiceGetsFiveMinutesAndNoRefreshToken(t *testing.T) {
	p := newPlace(t)
	c := p.backend("system/Patient.rs", "system/Observation.cruds")
	for _, jwt := range []string{signed(jose.RS384, rsaKey(), headers("r"), p.claims(c)), signed(jose.ES384, ecKey(), headers("e"), p.claims(c))} {
		a := p.token(backendForm("system/*.rs", jwt)).want(200)
		got := a.json()
		if got["scope"] != "system/Patient.rs system/Observation.rs" || got["expires_in"] != 300.0 || got["token_type"] != "Bearer" || got["refresh_token"] != nil || got["id_token"] != nil {
			t.Error(a.body)
		}
		access, err := p.identity.CheckToken(t.Context(), got["access_token"].(string))
		if err != nil || access.Client != c.ID || access.User != "" {
			t.Errorf("%+v %v", access, err)
		}
	}
}

func TestABackendServiceAsksForSystemScopesThatItHas(t *testing.T) {
	p := newPlace(t)
	c := p.backend("system/Patient.rs")
	for _, scope := range []string{"", "system/Observation.rs", "patient/Patient.rs", "openid", "system/Nonsense.rs", "system/Patient.sr", "system/Patient.rs eat", "__launch"} {
		p.token(backendForm(scope, signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).refused(400, identity.InvalidScope)
	}
}

func TestAnAssertionThatIsWrongIsRefused(t *testing.T) {
	p := newPlace(t)
	c := p.backend("system/*.rs")
	secretive, _ := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	now := p.clock.Time()
	set := func(name string, v any) func(map[string]any) { return func(m map[string]any) { m[name] = v } }
	for name, change := range map[string]func(map[string]any){
		"another iss":     set("iss", "somebody"),
		"nobody":          func(m map[string]any) { m["iss"], m["sub"] = "nobody", "nobody" },
		"who has no keys": func(m map[string]any) { m["iss"], m["sub"] = secretive.ID, secretive.ID },
		"another sub":     set("sub", "somebody"),
		"no sub":          func(m map[string]any) { delete(m, "sub") },
		"another aud":     set("aud", "https://other.example/auth/token"),
		"no aud":          func(m map[string]any) { delete(m, "aud") },
		"no exp":          func(m map[string]any) { delete(m, "exp") },
		"expired":         set("exp", now.Add(-time.Minute).Unix()),
		"an exp far away": set("exp", now.Add(10*time.Minute).Unix()),
		"nbf ahead":       set("nbf", now.Add(10*time.Minute).Unix()),
		"iat ahead":       set("iat", now.Add(10*time.Minute).Unix()),
		"no jti":          func(m map[string]any) { delete(m, "jti") },
		"a jti of a page": set("jti", strings.Repeat("j", 1000)),
	} {
		claims := p.claims(c)
		change(claims)
		a := p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), claims)))
		if a.status != 401 || a.json()["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, jwt := range map[string]string{
		"not a JWT":        "x.y",
		"an unknown kid":   signed(jose.ES384, ecKey(), headers("x"), p.claims(c)),
		"no kid":           signed(jose.ES384, ecKey(), map[jose.HeaderKey]any{}, p.claims(c)),
		"another's key":    signed(jose.ES384, otherKey(), headers("e"), p.claims(c)),
		"another typ":      signed(jose.ES384, ecKey(), map[jose.HeaderKey]any{"kid": "e", "typ": "at+jwt"}, p.claims(c)),
		"a jku":            signed(jose.ES384, ecKey(), map[jose.HeaderKey]any{"kid": "e", "jku": "https://evil.example/keys"}, p.claims(c)),
		"a crit":           signed(jose.ES384, ecKey(), map[jose.HeaderKey]any{"kid": "e", "crit": []string{"x"}, "x": 1}, p.claims(c)),
		"a cut signature":  strings.TrimRight(signed(jose.ES384, ecKey(), headers("e"), p.claims(c)), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") + "x",
		"sixteen kilobyte": signed(jose.ES384, ecKey(), headers("e"), map[string]any{"iss": strings.Repeat("i", 20_000)}),
	} {
		a := p.token(backendForm("system/*.rs", jwt))
		if a.status != 401 || a.json()["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	form := backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))
	form.Set("client_assertion_type", "urn:x")
	p.token(form).refused(400, identity.InvalidRequest)
	form = backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))
	form.Set("client_id", "somebody")
	p.token(form).refused(401, identity.InvalidClient)
}

func TestAClientAuthenticatesInOneWay(t *testing.T) {
	p := practice(t)
	c := p.backend("system/*.rs")
	form := func() url.Values {
		return backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))
	}
	p.token(form(), "Authorization", "Basic "+basicOf(c.ID, "x")).refused(400, identity.InvalidRequest)
	both := form()
	both.Set("client_secret", "x")
	p.token(both).refused(400, identity.InvalidRequest)
	p.token(form(), "Authorization", "Bearer x").refused(401, identity.InvalidClient)
	p.token(form()).want(200)
}

func TestASecretIsSentAsRegistered(t *testing.T) {
	p := practice(t)
	basic, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthBasic })
	posting, posted := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	header := func(id, secret string) string {
		return "Basic " + basicOf(url.QueryEscape(id), url.QueryEscape(secret))
	}
	code := func(c *identity.Client) url.Values {
		form := codeForm(c, p.browser().code(c, "patient/*.rs", "ann"))
		form.Del("client_id")
		return form
	}
	p.token(code(basic), "Authorization", header(basic.ID, secret)).want(200)
	p.token(code(posting), "Authorization", header(posting.ID, posted)).want(200)
	with := func(form url.Values, pairs ...string) url.Values {
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return form
	}
	p.token(with(code(posting), "client_id", posting.ID, "client_secret", posted)).want(200)
	one := code(basic)
	p.token(one, "Authorization", header(basic.ID, "wrong")).refused(401, identity.InvalidClient)
	p.token(one, "Authorization", header("nobody", secret)).refused(401, identity.InvalidClient)
	p.token(one, "Authorization", header(posting.ID, secret)).refused(401, identity.InvalidClient)
	p.token(one, "Authorization", "Basic !!!").refused(401, identity.InvalidClient)
	p.token(one, "Authorization", "Basic "+basicOf(basic.ID, "%zz")).refused(401, identity.InvalidClient)
	p.token(one).refused(401, identity.InvalidClient)
	if h := p.token(one).header.Get("WWW-Authenticate"); !strings.HasPrefix(h, "Basic ") {
		t.Error(h)
	}
	p.token(with(codeForm(basic, "x"), "client_secret", secret)).refused(401, identity.InvalidClient)
	p.token(with(codeForm(basic, "x"), "client_secret", secret), "Authorization", header(basic.ID, secret)).refused(400, identity.InvalidRequest)
	p.token(codeForm(posting, "x"), "Authorization", header(basic.ID, secret)).refused(400, identity.InvalidRequest)
}

func basicOf(id, secret string) string {
	return base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
}

func TestAnAppWithKeysSignsUsersIn(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Auth, c.JWKS = identity.AuthAsymmetric, keySet(map[string]crypto.PublicKey{"e": ecKey().Public()})
	})
	form := codeForm(c, p.browser().code(c, "openid fhirUser offline_access patient/*.rs", "ann"))
	p.token(form).refused(401, identity.InvalidClient)
	form.Set("client_assertion_type", assertion)
	form.Set("client_assertion", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))
	tokens := p.token(form).want(200).json()
	if tokens["id_token"] == nil || tokens["refresh_token"] == nil {
		t.Error(tokens)
	}
}

func TestScopesOfServicesAreNotGrantedByUsers(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Auth, c.JWKS = identity.AuthAsymmetric, keySet(map[string]crypto.PublicKey{"e": ecKey().Public()})
		c.Grants, c.Scopes = append(c.Grants, identity.ClientCredentials), smart.Scopes{"patient/*.rs", "system/*.cruds"}
	})
	form := codeForm(c, p.browser().code(c, "patient/*.rs system/*.cruds", "ann"))
	form.Set("client_assertion_type", assertion)
	form.Set("client_assertion", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))
	if got := p.token(form).want(200).json()["scope"]; got != "patient/*.rs" {
		t.Error(got)
	}
}

func TestAClientThatMayNotActGetsNoToken(t *testing.T) {
	p := practice(t)
	waiting, _ := p.register(func(c *identity.Client) { c.Approved = false })
	p.token(codeForm(waiting, "x")).refused(401, identity.InvalidClient)
	p.browser().open(p.ask(waiting, "patient/*.rs")).want(400).has("not yet approved")
	p.browser().open(p.ask(p.backend("system/*.rs"), "patient/*.rs")).want(400).has("not registered for signing users in")
	c, _ := p.register()
	tokens := p.token(codeForm(c, p.browser().code(c, "offline_access patient/*.rs", "ann"))).want(200).json()
	if err := p.identity.SuspendClient(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	p.token(refreshForm(c, tokens["refresh_token"].(string))).refused(401, identity.InvalidClient)
	p.browser().open(p.ask(c, "patient/*.rs")).want(400).has("suspended")
	if _, err := p.identity.CheckToken(t.Context(), tokens["access_token"].(string)); err == nil {
		t.Error("the token of a suspended app is good")
	}
	if err := p.identity.ResumeClient(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	p.token(refreshForm(c, tokens["refresh_token"].(string))).want(200)
}

func TestAnAppThatIsSuspendedWhileItsUserReadsGetsNothing(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs")).signIn("ann")
	g.want(200).has("Allow Growth Chart access?")
	if err := p.identity.SuspendClient(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	g.send("allow", "1", "scope", "patient/*.rs").want(403).has("can no longer be used")
}

func TestAClientThatIsRegisteredForLessCanDoLessAtOnce(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	tokens := p.tokens(c, "offline_access patient/Patient.rs patient/Encounter.rs", "ann")
	access := tokens["access_token"].(string)
	p.fhir("Encounter?patient=ann", access).want(200)
	c, err := p.identity.Client(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	c.Scopes = smart.Scopes{"offline_access", "patient/Patient.rs"}
	if err := p.identity.UpdateClient(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p.fhir("Encounter?patient=ann", access).want(403)
	p.fhir("Patient/ann", access).want(200)
	tokens = p.token(refreshForm(c, tokens["refresh_token"].(string))).want(200).json()
	if tokens["scope"] != "offline_access patient/Patient.rs" {
		t.Error(tokens["scope"])
	}
	form := refreshForm(c, tokens["refresh_token"].(string))
	form.Set("scope", "patient/Encounter.rs")
	p.token(form).refused(400, identity.InvalidScope)
}

func TestAnOriginIsKnownAsLongAsItsApp(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	known := func() bool {
		got, err := p.identity.KnownOrigin(t.Context(), "https://app.example")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for range 2 { // the second answer is a remembered one
		if !known() {
			t.Error("it is not known")
		}
	}
	if err := p.identity.SuspendClient(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if known() {
		t.Error("it is known though its app is suspended")
	}
}

func TestScopesOfAdministratorsAreNotRegisteredByOneself(t *testing.T) {
	p := newPlace(t)
	a := p.do(p.client, "POST", p.url+"/auth/register", nil)
	a.refused(400, identity.InvalidClientMetadata)
	c, _, err := p.identity.Register(t.Context(), identity.Metadata{
		Name: "x", Auth: identity.AuthAsymmetric, Grants: []identity.GrantType{identity.ClientCredentials}, Scope: "system/*.rs __introspect __launch",
		JWKS: keySet(map[string]crypto.PublicKey{"e": ecKey().Public()}),
	})
	if err != nil || c.Scopes.String() != "system/*.rs" || c.Approved {
		t.Errorf("%+v %v", c, err)
	}
}
