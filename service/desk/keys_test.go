package desk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
)

// asks says with what status a backend service is answered that signs with a key.
func (b *browser) asks(id string, key jose.JSONWebKey) int {
	b.T.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		b.T.Fatal(err)
	}
	signed, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: id, Subject: id, Audience: jwt.Audience{b.URL + "/auth/token"}, ID: rand.Text(), Expiry: jwt.NewNumericDate(b.Time().Add(4 * time.Minute))}).Serialize()
	if err != nil {
		b.T.Fatal(err)
	}
	return b.send("POST", "/auth/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"system/*.rs"}, "client_assertion_type": {identity.AssertionType}, "client_assertion": {signed}}).Status
}

// shownKey is the private key that a page shows, once.
func shownKey(p placetest.Answer) (key jose.JSONWebKey) {
	p.T.Helper()
	text := regexp.MustCompile(`(?s)\{\s+"use": "sig".*?\n\}`).FindString(p.Text())
	if err := json.Unmarshal([]byte(text), &key); err != nil || key.IsPublic() {
		p.T.Fatalf("%v %s", err, p.Text())
	}
	return key
}

func TestADeveloperSendsKeysThatChanged(t *testing.T) {
	w := newWorkshop(t, true)
	b := w.enter("dev")
	b.get("/developers/new").Has("whenever the keys change")
	made := b.post("/developers/new", "client_name", "Nightly", "kind", "backend", "scope", "system/*.rs").want(200)
	id := regexp.MustCompile(`/developers/app/([\w-]+)`).FindStringSubmatch(made.Body)[1]
	first := shownKey(made)
	if got := b.asks(id, first); got != 200 {
		t.Errorf("with the key that was made: %d", got)
	}
	path := "/developers/app/" + id
	second := shownKey(b.post(path, "do", "generate").want(200))
	if before, after := b.asks(id, first), b.asks(id, second); before != 401 || after != 200 {
		t.Errorf("with the old key %d, with the new one %d", before, after)
	}
	pair, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	third := jose.JSONWebKey{Key: pair, KeyID: "third", Algorithm: "ES384", Use: "sig"}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{third.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	b.post(path, "do", "keys").want(422).Has("either jwks or jwks_uri")
	b.post(path, "do", "keys", "jwks", `{"keys":[]}`).want(422).Has(`href="#jwks"`, "a public key")
	b.post(path, "do", "keys", "jwks_uri", "ftp://x.example").want(422).Has(`href="#jwks_uri"`)
	b.post(path, "do", "keys", "jwks", string(set)).want(303)
	if before, after := b.asks(id, second), b.asks(id, third); before != 401 || after != 200 {
		t.Errorf("with the old key %d, with the one that was sent %d", before, after)
	}
	b.get(path+"?done=saved").want(200).Has("Saved.", `"kid":"third"`)
}
