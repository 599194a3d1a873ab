package smart

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// minRSA is the fewest bits of an RSA key.
const minRSA = 2048

// keys are the public keys of an authorization server, kept until one is missing.
type keys struct {
	mu  sync.Mutex
	set []jose.JSONWebKey
}

// key returns the one key of the server that fits. One that is not known has the
// set fetched again, once; so has a token that names no key, since that might be a
// new one.
func (s *Server) key(ctx context.Context, id string, alg jose.SignatureAlgorithm) (any, error) {
	s.keys.mu.Lock()
	known := s.keys.set
	s.keys.mu.Unlock()
	if key, ok := pick(known, id, alg); ok && id != "" {
		return key, nil
	}
	if s.Configuration.KeysEndpoint == "" {
		return nil, fmt.Errorf("%w: the server has no jwks_uri to verify it with", ErrIDToken)
	}
	body, err := s.get(ctx, s.Configuration.KeysEndpoint)
	if err != nil {
		return nil, fmt.Errorf("smart: the keys of the server: %w", err)
	}
	fetched, err := parseKeys(body)
	if err != nil {
		return nil, fmt.Errorf("smart: the keys of the server: %w", err)
	}
	s.keys.mu.Lock()
	s.keys.set = fetched
	s.keys.mu.Unlock()
	if key, ok := pick(fetched, id, alg); ok {
		return key, nil
	}
	return nil, fmt.Errorf("%w: the server has not exactly one key %q for %s", ErrIDToken, id, alg)
}

// parseKeys reads a JWK Set (RFC 7517 §5) without the keys of unknown kinds.
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("jwks_uri does not answer with a JSON Web Key Set")
	}
	var all []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil {
			all = append(all, key)
		}
	}
	return all, nil
}

// pick returns the one key that has the id, or any if the token names none, and
// is of the kind that the algorithm needs.
func pick(all []jose.JSONWebKey, id string, alg jose.SignatureAlgorithm) (any, bool) {
	var found any
	n := 0
	for _, key := range all {
		if (id == "" || key.KeyID == id) && (key.Use == "" || key.Use == "sig") &&
			(key.Algorithm == "" || key.Algorithm == string(alg)) && fits(key.Key, alg) {
			found = key.Key
			n++
		}
	}
	return found, n == 1
}

func fits(key any, alg jose.SignatureAlgorithm) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return alg == jose.RS256 && k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return alg == jose.ES384 && k.Curve == elliptic.P384()
	}
	return false
}
