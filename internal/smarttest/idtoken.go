package smarttest

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// signingKey is the pair that the server signs with.
type signingKey struct {
	alg     jose.SignatureAlgorithm
	private jose.JSONWebKey
}

// firstKey is what servers begin with: making one takes long.
var firstKey = sync.OnceValue(newRSA)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// RotateKey makes a new RSA key that signs from now on. Earlier ones are no
// longer published.
func (s *Server) RotateKey() *rsa.PublicKey {
	key := newRSA()
	s.UseKey(jose.RS256, key)
	return &key.PublicKey
}

// UseKey makes the server sign with another key.
func (s *Server) UseKey(alg jose.SignatureAlgorithm, key any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = signingKey{alg, jose.JSONWebKey{Key: key, KeyID: newSecret(), Algorithm: string(alg), Use: "sig"}}
}

func (s *Server) publishKeys(w http.ResponseWriter, _ *http.Request) {
	odd := map[string]string{"kty": "of a kind to come", "kid": "new"} // a client has to leave it alone
	answer(w, http.StatusOK, map[string]any{"keys": []any{odd, s.key.private.Public()}})
}

func (s *Server) idToken(client, nonce string) string {
	now := s.Clock()
	claims := map[string]any{
		"iss": s.URL, "sub": "user-1", "aud": client, "fhirUser": s.Base + "/Patient/maria",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if s.Claims != nil {
		s.Claims(claims)
	}
	if s.Sign != nil {
		return s.Sign(claims)
	}
	return Sign(s.key.alg, s.key.private, claims)
}

// Sign makes a JWT with a key of whatever kind.
func Sign(alg jose.SignatureAlgorithm, key any, claims any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		panic(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err)
	}
	return text
}
