package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Limits of a client's key set.
const (
	maxKeySet = 64 << 10
	maxKeys   = 50
)

// clientKey is one key that a client's assertions may be signed with.
type clientKey struct {
	id  string
	alg jose.SignatureAlgorithm // the one algorithm that it is for
	key any                     // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// parseKeys reads a JWK Set (RFC 7517 §5) and keeps the keys that assertions can
// be signed with. Keys of other kinds are left out; a private or
// symmetric key is an error.
func parseKeys(text []byte) ([]clientKey, error) {
	if len(text) > maxKeySet {
		return nil, fmt.Errorf("the key set is larger than %d bytes", maxKeySet)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || set.Keys == nil {
		return nil, errors.New("not a JSON Web Key Set: an object with the array keys")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set has more than %d keys", maxKeys)
	}
	var keys []clientKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if err := k.UnmarshalJSON(raw); err != nil {
			continue // of a kind that this server does not know
		}
		if !k.IsPublic() {
			return nil, errors.New("the key set holds a key that is not public: make a new pair and register the public part only")
		}
		alg := algorithmOf(k)
		if alg == "" || k.KeyID == "" || k.Use != "" && k.Use != "sig" {
			continue
		}
		keys = append(keys, clientKey{k.KeyID, alg, k.Key})
	}
	return keys, nil
}

// algorithmOf is the one algorithm of a key: that which it was registered with, or
// the first that its kind has; never what the header of an assertion says. "" when
// there is none.
func algorithmOf(k jose.JSONWebKey) jose.SignatureAlgorithm {
	for _, alg := range algorithmsOf(k.Key) {
		if k.Algorithm == "" || k.Algorithm == string(alg) {
			return alg
		}
	}
	return ""
}

// algorithmsOf are those of a kind of key.
func algorithmsOf(key any) []jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 8192 {
			return []jose.SignatureAlgorithm{jose.RS384, jose.PS256}
		}
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P384():
			return []jose.SignatureAlgorithm{jose.ES384}
		case elliptic.P256():
			return []jose.SignatureAlgorithm{jose.ES256}
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}
	}
	return nil
}

// pick returns the one key that has the id and the algorithm (SMART §5.0.5.1).
func pick(keys []clientKey, id string, alg jose.SignatureAlgorithm) (clientKey, bool) {
	var found clientKey
	n := 0
	for _, k := range keys {
		if k.id == id && k.alg == alg {
			found = k
			n++
		}
	}
	return found, n == 1
}
