package desk

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"

	"github.com/go-jose/go-jose/v4"
)

// generate makes a key pair for ES384 (SMART App Launch 2.2 §5.0.2.2): the private JWK,
// which is shown once, and the JWK Set with the public one.
func generate() (private string, public json.RawMessage, err error) {
	pair, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return "", nil, err
	}
	var id [9]byte
	_, _ = rand.Read(id[:]) // never fails
	key := jose.JSONWebKey{Key: pair, KeyID: base64.RawURLEncoding.EncodeToString(id[:]), Algorithm: string(jose.ES384), Use: "sig"}
	text, err := json.MarshalIndent(key, "", "  ")
	if err != nil {
		return "", nil, err
	}
	public, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	return string(text), public, err
}
