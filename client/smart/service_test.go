package smart_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

// keysOfBothKinds are one for ES384 and one for RS384.
func keysOfBothKinds(t *testing.T) map[string]*smart.Key {
	t.Helper()
	es, err := smart.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := smart.UseKey(jose.JSONWebKey{Key: private, KeyID: "rsa"})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*smart.Key{"ES384": es, "RS384": rs}
}

func registerService(t *testing.T, server *smart.Server, key *smart.Key) *smart.Client {
	t.Helper()
	made, err := server.Register(t.Context(), smart.Registration{
		Name: "Night job", Authentication: "private_key_jwt", GrantTypes: []string{"client_credentials"},
		Scope: "system/Patient.rs", Keys: key.Public(),
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return &smart.Client{Server: server, ID: made.ID, Auth: key}
}

func TestAServiceProvesByKeyWhoItIs(t *testing.T) {
	for name, key := range keysOfBothKinds(t) {
		s := smarttest.New(t)
		at := &clock{}
		c := registerService(t, discover(t, s, at), key)
		source := c.Service(smart.Scopes{"system/Patient.rs"})
		fhir := &http.Client{Transport: &smart.Transport{Server: c.Server, Source: source}}
		if status, _ := get(t, fhir, s.Base+"/Patient/maria"); status != http.StatusOK {
			t.Errorf("%s: status %d", name, status)
		}
		first := source.Current()
		s.EndTokens() // the next assertion needs a jti of its own
		if status, _ := get(t, fhir, s.Base+"/Patient/maria"); status != http.StatusOK || source.Current() == first {
			t.Errorf("%s: status %d after the token ended", name, status)
		}
		at.advance(time.Hour)
		if status, _ := get(t, fhir, s.Base+"/Patient/maria"); status != http.StatusOK || s.Count("/token") != 3 {
			t.Errorf("%s: status %d after the token expired", name, status)
		}
	}
}

func TestAnotherKeyIsNotTheServices(t *testing.T) {
	keys := keysOfBothKinds(t)
	c := registerService(t, discover(t, smarttest.New(t), &clock{}), keys["ES384"])
	c.Auth = keys["RS384"]
	if _, err := c.Service(smart.Scopes{"system/Patient.rs"}).Token(t.Context()); refusal(err) != "invalid_client" {
		t.Errorf("error %v", err)
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]jose.JSONWebKey{
		"RSA of 1024 bits": {Key: small, KeyID: "a"},
		"P-256":            {Key: p256, KeyID: "a"},
		"a public key":     {Key: &good.PublicKey, KeyID: "a"},
		"a secret":         {Key: []byte("secret"), KeyID: "a"},
		"no kid":           {Key: good},
		"another alg":      {Key: good, KeyID: "a", Algorithm: "ES256"},
	} {
		if _, err := smart.UseKey(key); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestAPrivateKeyIsNeverRegistered(t *testing.T) {
	s := smarttest.New(t)
	key := keysOfBothKinds(t)["ES384"]
	_, err := discover(t, s, &clock{}).Register(t.Context(), smart.Registration{
		Name: "x", Keys: &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Private()}},
	}, "")
	if err == nil || s.Count("/register") != 0 {
		t.Errorf("error %v", err)
	}
}
