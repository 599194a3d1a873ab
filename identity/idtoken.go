package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// outsideAlgorithms are those that an id_token of a provider may be signed with:
// never one with a shared secret, and never none.
var outsideAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// idClaims are what is used of an id_token (OpenID Connect Core §2).
type idClaims struct {
	jwt.Claims
	Nonce      string `json:"nonce"`
	Authorized string `json:"azp"`
	Name       string `json:"name"`
	Login      string `json:"preferred_username"`
	Email      string `json:"email"`
}

// verifyIDToken checks an id_token as OpenID Connect Core §3.1.3.7 says.
func (s *Service) verifyIDToken(ctx context.Context, p *Provider, o *outside, token string) (*idClaims, error) {
	signed, err := jwt.ParseSigned(token, outsideAlgorithms)
	if err != nil {
		return nil, fmt.Errorf("the id_token: %w", err)
	}
	key, err := s.providerKey(ctx, o.Discovery.JWKS, signed.Headers[0])
	if err != nil {
		return nil, err
	}
	var c idClaims
	if err := signed.Claims(key, &c); err != nil {
		return nil, fmt.Errorf("the id_token: %w", err)
	}
	expected := jwt.Expected{Issuer: p.Issuer, AnyAudience: jwt.Audience{p.ClientID}, Time: s.now()}
	if err := c.ValidateWithLeeway(expected, maxSkew); err != nil {
		return nil, fmt.Errorf("the id_token: %w", err)
	}
	const maxSubject = 255
	switch {
	case c.Nonce != o.Nonce:
		return nil, errors.New("the id_token is of another sign-in: its nonce is not the one asked for")
	case c.Subject == "" || len(c.Subject) > maxSubject:
		return nil, fmt.Errorf("the id_token has no sub of 1 to %d characters", maxSubject)
	case c.Expiry == nil || c.IssuedAt == nil:
		return nil, errors.New("the id_token lacks exp or iat")
	case c.Authorized != "" && c.Authorized != p.ClientID || len(c.Audience) > 1 && c.Authorized == "":
		return nil, errors.New("the id_token was issued to another client")
	}
	return &c, nil
}

// providerKey fetches a provider's keys and returns the one of a header. They are
// not kept: a provider may change them at any time, and people sign in seldom.
func (s *Service) providerKey(ctx context.Context, address string, h jose.Header) (*jose.JSONWebKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.fetchJSON(r, &set); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(text, &k) == nil { // keys of other kinds than go-jose knows are not for us
			keys = append(keys, k)
		}
	}
	keys = slices.DeleteFunc(keys, func(k jose.JSONWebKey) bool {
		return !k.Valid() || k.Use == "enc" || h.KeyID != "" && k.KeyID != h.KeyID ||
			k.Algorithm != "" && k.Algorithm != h.Algorithm
	})
	if len(keys) != 1 {
		return nil, fmt.Errorf("%s has %d keys for the id_token's kid %q and alg %s, where one is needed", address, len(keys), h.KeyID, h.Algorithm)
	}
	return &keys[0], nil
}
