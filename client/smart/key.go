package smart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Key is a private key with which a client signs that it is itself
// (private_key_jwt, SMART §5.0.2).
type Key struct {
	private jose.JSONWebKey
	signer  jose.Signer
}

// assertionFor is how long an assertion is good: less than the five minutes that
// are allowed, since clocks differ.
const assertionFor = 4 * time.Minute

// NewKey makes a key for ES384.
func NewKey() (*Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return UseKey(jose.JSONWebKey{Key: private, KeyID: rand.Text()})
}

// UseKey takes a private key: of RSA with at least 2048 bits, for RS384, or of the
// curve P-384, for ES384. It needs a KeyID.
func UseKey(private jose.JSONWebKey) (*Key, error) {
	var alg jose.SignatureAlgorithm
	switch k := private.Key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() >= minRSA {
			alg = jose.RS384
		}
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P384() {
			alg = jose.ES384
		}
	}
	switch {
	case alg == "":
		return nil, fmt.Errorf("smart: a client's key is a private one of RSA with at least %d bits or of the curve P-384", minRSA)
	case private.KeyID == "":
		return nil, fmt.Errorf("smart: the key has no kid")
	case private.Algorithm != "" && private.Algorithm != string(alg):
		return nil, fmt.Errorf("smart: the key is for %s, not for %s", alg, private.Algorithm)
	}
	private.Algorithm, private.Use = string(alg), "sig"
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("smart: the key: %w", err)
	}
	return &Key{private, signer}, nil
}

// Private is the key to keep: its JSON holds the secret.
func (k *Key) Private() jose.JSONWebKey { return k.private }

// Public is what to register, or to serve at a jwks_uri.
func (k *Key) Public() *jose.JSONWebKeySet {
	return &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.private.Public()}}
}

func (k *Key) prove(c *Client, form url.Values, _ http.Header) error {
	now := c.Server.now()
	assertion, err := jwt.Signed(k.signer).Claims(jwt.Claims{
		Issuer:   c.ID,
		Subject:  c.ID,
		Audience: jwt.Audience{c.Server.Configuration.TokenEndpoint},
		IssuedAt: jwt.NewNumericDate(now),
		Expiry:   jwt.NewNumericDate(now.Add(assertionFor)),
		ID:       rand.Text(),
	}).Serialize()
	if err != nil {
		return fmt.Errorf("smart: the client assertion: %w", err)
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return nil
}
