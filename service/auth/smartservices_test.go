package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestATokenOfAServiceOpensItsTypesForFiveMinutes(t *testing.T) {
	p := practice(t)
	c := p.backend("system/Patient.rs")
	token, _ := p.token(backendForm("system/Patient.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).want(200).json()["access_token"].(string)
	p.fhir("Patient/ann", token).want(200)
	p.fhir("Encounter/visit", token).want(403)
	p.write("PUT", "Patient/ann", token, `{"resourceType":"Patient","id":"ann"}`).want(403)
	p.clock.Pass(5 * time.Minute)
	p.fhir("Patient/ann", token).want(401)
}

func TestKeysAreRegisteredByAddressOrDirectly(t *testing.T) {
	p := newPlace(t)
	set := keySet(map[string]crypto.PublicKey{"e": ecKey().Public()})
	var method string
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method = r.Method
		_, _ = w.Write(set)
	}))
	defer host.Close()
	for name, keys := range map[string]func(*identity.Client){
		"directly":   func(c *identity.Client) { c.JWKS = set },
		"by address": func(c *identity.Client) { c.JWKSURI = host.URL },
	} {
		c, _ := p.register(func(c *identity.Client) {
			c.Name, c.Redirects, c.Auth, c.Grants, c.Scopes = name, nil, identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}, smart.Scopes{"system/*.rs"}
			keys(c)
		})
		p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).want(200)
	}
	if method != http.MethodGet {
		t.Errorf("the keys were fetched with %q", method)
	}
	// A service that registers itself says its keys in the same two ways.
	for _, keys := range []string{`"jwks":` + string(set), `"jwks_uri":"` + host.URL + `"`} {
		a := p.post("/auth/register", `{"client_name":"x","grant_types":["client_credentials"],"token_endpoint_auth_method":"private_key_jwt","scope":"system/*.rs",`+keys+`}`).want(201).has(keys)
		c := &identity.Client{ID: a.json()["client_id"].(string)}
		if err := p.identity.ApproveClient(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).want(200)
	}
}

// SMART §5.0.5.1: a jku must be the registered address, whose keys count then as
// they do without.
func TestAJKUIsTheAddressThatWasRegistered(t *testing.T) {
	p := newPlace(t)
	fetched := 0
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched++
		_, _ = w.Write(keySet(map[string]crypto.PublicKey{"e": ecKey().Public()}))
	}))
	defer host.Close()
	c, _ := p.register(func(c *identity.Client) {
		c.Redirects, c.Auth, c.Grants, c.Scopes, c.JWKSURI = nil, identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}, smart.Scopes{"system/*.rs"}, host.URL+"/keys"
	})
	with := func(jku string) answer {
		return p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), map[jose.HeaderKey]any{"kid": "e", "typ": "JWT", "jku": jku}, p.claims(c))))
	}
	with(host.URL+"/other").refused(401, identity.InvalidClient)
	with(host.URL).refused(401, identity.InvalidClient)
	if fetched > 0 {
		t.Error("an address that is not registered had something fetched")
	}
	with(host.URL + "/keys").want(200)
	if fetched != 1 {
		t.Errorf("fetched %d times", fetched)
	}
}

func TestOfTheKeysWithAKidExactlyOneFits(t *testing.T) {
	p := newPlace(t)
	register := func(keys ...crypto.PublicKey) *identity.Client {
		var set jose.JSONWebKeySet
		for _, k := range keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k, KeyID: "one"})
		}
		c, _ := p.register(func(c *identity.Client) {
			c.Redirects, c.Auth, c.Grants, c.Scopes = nil, identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}, smart.Scopes{"system/*.rs"}
			c.JWKS = must(json.Marshal(set))
		})
		return c
	}
	// The kind of the key has to fit, too, so that these are two.
	c := register(rsaKey().Public(), ecKey().Public())
	p.token(backendForm("system/*.rs", signed(jose.RS384, rsaKey(), headers("one"), p.claims(c)))).want(200)
	p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("one"), p.claims(c)))).want(200)
	c = register(ecKey().Public(), otherKey().Public())
	for _, key := range []crypto.Signer{ecKey(), otherKey()} {
		p.token(backendForm("system/*.rs", signed(jose.ES384, key, headers("one"), p.claims(c)))).refused(401, identity.InvalidClient)
	}
}

func TestTheJTIOfAnotherClientIsNoReplay(t *testing.T) {
	p := newPlace(t)
	for _, c := range []*identity.Client{p.backend("system/*.rs"), p.backend("system/*.rs")} {
		claims := p.claims(c)
		claims["jti"] = "the same"
		p.token(backendForm("system/*.rs", signed(jose.ES384, ecKey(), headers("e"), claims))).want(200)
	}
}

func TestEveryAnnouncedAlgorithmIsVerified(t *testing.T) {
	p := newPlace(t)
	p256 := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[jose.SignatureAlgorithm]crypto.Signer{jose.RS384: rsaKey(), jose.PS256: rsaKey(), jose.ES384: ecKey(), jose.ES256: p256, jose.EdDSA: edwards}
	for _, one := range p.discovery()["token_endpoint_auth_signing_alg_values_supported"].([]any) {
		alg := jose.SignatureAlgorithm(one.(string))
		key, ok := keys[alg]
		if !ok {
			t.Errorf("%s is announced and not tried", alg)
			continue
		}
		c, _ := p.register(func(c *identity.Client) {
			c.Redirects, c.Auth, c.Grants, c.Scopes = nil, identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}, smart.Scopes{"system/*.rs"}
			c.JWKS = must(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: string(alg)}}}))
		})
		p.token(backendForm("system/*.rs", signed(alg, key, headers("k"), p.claims(c)))).want(200)
		other := jose.PS256 // of the same kind of key
		if alg == jose.PS256 {
			other = jose.RS384
		}
		if key == crypto.Signer(rsaKey()) {
			p.token(backendForm("system/*.rs", signed(other, key, headers("k"), p.claims(c)))).refused(401, identity.InvalidClient)
		}
	}
}

func TestServicesHaveNoSecrets(t *testing.T) {
	p := newPlace(t)
	_, err := p.identity.CreateClient(t.Context(), &identity.Client{
		Name: "Reports", Auth: identity.AuthBasic, Grants: []identity.GrantType{identity.ClientCredentials}, Scopes: smart.Scopes{"system/*.rs"},
	})
	if err == nil || !strings.Contains(err.Error(), "private_key_jwt") {
		t.Errorf("%v", err)
	}
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	p.token(url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {secret}, "scope": {"system/*.rs"}}).refused(400, identity.UnauthorizedClient)
}
