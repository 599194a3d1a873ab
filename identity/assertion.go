package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// AssertionAlgorithms are those that clients may sign with: the two of SMART
// §5.0.2.2, and the three of FAPI 2.0 §5.4.1.
var AssertionAlgorithms = []jose.SignatureAlgorithm{jose.RS384, jose.ES384, jose.PS256, jose.ES256, jose.EdDSA}

// assertionAlgorithms lists them for people.
func assertionAlgorithms() string {
	names := make([]string, len(AssertionAlgorithms))
	for i, a := range AssertionAlgorithms {
		names[i] = string(a)
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Bounds of assertions.
const (
	maxAssertion = 16 << 10
	maxJTI       = 256
	assertionFor = 5 * time.Minute  // exp lies ahead at most
	skew         = 30 * time.Second // that clocks may differ

	kindJTI = "jti"
)

// assertion is a JWT that a client signed, not yet believed: one to authenticate
// with, or a request object.
type assertion struct {
	token  *jwt.JSONWebToken
	alg    jose.SignatureAlgorithm
	keyID  string
	keyURL string // jku
	claims jwt.Claims
}

// parseAssertion reads a JWT without believing it. Only an algorithm of the list
// passes, whatever its header says, and one of the types, or none.
func parseAssertion(text string, types ...string) (*assertion, error) {
	if len(text) > maxAssertion {
		return nil, errors.New("it is too long")
	}
	token, err := jwt.ParseSigned(text, AssertionAlgorithms)
	if err != nil {
		return nil, fmt.Errorf("it is not a JWT signed with %s", assertionAlgorithms())
	}
	if len(token.Headers) != 1 {
		return nil, errors.New("it needs one signature")
	}
	h := token.Headers[0]
	a := &assertion{token: token, alg: jose.SignatureAlgorithm(h.Algorithm), keyID: h.KeyID}
	if a.keyID == "" {
		return nil, errors.New("its header has no kid")
	}
	if jku, ok := h.ExtraHeaders["jku"]; ok {
		if a.keyURL, ok = jku.(string); !ok || a.keyURL == "" {
			return nil, errors.New("the jku of its header is not an address")
		}
	}
	if typ, ok := h.ExtraHeaders[jose.HeaderType]; ok {
		if name, ok := typ.(string); !ok || !slices.Contains(types, name) {
			return nil, fmt.Errorf("the typ of its header is not %s", strings.Join(types, " or "))
		}
	}
	if err := token.UnsafeClaimsWithoutVerification(&a.claims); err != nil {
		return nil, errors.New("its claims cannot be read")
	}
	return a, nil
}

// checkClaims looks at everything but the signature and the repetition of jti
// (RFC 7523 §3, SMART §5.0.2.2).
func (a *assertion) checkClaims(p ClientProof, now time.Time) error {
	c := a.claims
	switch {
	case c.Issuer == "" || c.Issuer != c.Subject:
		return errors.New("iss and sub must both be the client_id")
	case p.ID != "" && p.ID != c.Issuer:
		return errors.New("client_id is another than its iss")
	case !slices.ContainsFunc(p.Audiences, c.Audience.Contains):
		return errors.New("its aud is not the token endpoint of this server")
	case c.ID == "" || len(c.ID) > maxJTI:
		return errors.New("it needs a jti of up to 256 bytes")
	}
	return a.checkTimes(now, assertionFor)
}

// checkTimes looks at exp, which may lie so far ahead, nbf and iat.
func (a *assertion) checkTimes(now time.Time, ahead time.Duration) error {
	c := a.claims
	switch {
	case c.Expiry == nil:
		return errors.New("it has no exp")
	case !now.Before(c.Expiry.Time().Add(skew)):
		return errors.New("it has expired")
	case c.Expiry.Time().After(now.Add(ahead + skew)):
		return fmt.Errorf("its exp lies more than %v ahead", ahead)
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(skew)):
		return errors.New("its nbf lies ahead")
	case c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(skew)):
		return errors.New("its iat lies ahead")
	}
	return nil
}

func (s *Service) authenticateByAssertion(ctx context.Context, p ClientProof) (*Client, error) {
	if p.AssertionType != AssertionType {
		return nil, Refuse(InvalidRequest, "client_assertion_type must be %s", AssertionType)
	}
	if p.Assertion == "" {
		return nil, Refuse(InvalidRequest, "client_assertion is missing")
	}
	if p.Secret != "" || p.Basic {
		return nil, Refuse(InvalidRequest, "authenticate in one way: with an assertion or with a secret")
	}
	a, err := parseAssertion(p.Assertion, "JWT")
	if err == nil {
		err = a.checkClaims(p, s.now())
	}
	if err != nil {
		return nil, Refuse(InvalidClient, "client_assertion: %v", err)
	}
	c, err := s.Client(ctx, a.claims.Issuer)
	if errors.Is(err, ErrNoClient) || err == nil && c.Auth != AuthAsymmetric {
		return nil, Refuse(InvalidClient, "no client that authenticates with private_key_jwt has the client_id of iss")
	}
	if err != nil {
		return nil, err
	}
	if err := c.usable(); err != nil {
		return nil, err
	}
	if _, err := s.verify(ctx, c, a, InvalidClient); err != nil {
		return nil, err
	}
	return c, s.spend(ctx, a)
}

// verify checks the signature with a key that the client registered (SMART
// §5.0.5.1), and returns all claims. A *Refused with the code says what is wrong.
func (s *Service) verify(ctx context.Context, c *Client, a *assertion, code Code) (map[string]json.RawMessage, error) {
	if a.keyURL != "" && a.keyURL != c.JWKSURI {
		return nil, Refuse(code, "the jku of the JWT is not the jwks_uri that the client registered")
	}
	if len(c.JWKS) > 0 {
		keys, err := parseKeys(c.JWKS)
		if err != nil {
			return nil, err
		}
		key, ok := pick(keys, a.keyID, a.alg)
		if !ok {
			return nil, errNoKey(code)
		}
		return a.verify(key, code)
	}
	for _, missed := range []bool{false, true} {
		keys, err := s.keys.keys(ctx, c.JWKSURI, missed)
		if err != nil {
			s.config.Log.InfoContext(ctx, "jwks_uri cannot be fetched", "client", c.ID, "error", err)
			return nil, Refuse(code, "the keys at jwks_uri cannot be fetched: it must answer with a JSON Web Key Set, without redirects, within %v", fetchTime)
		}
		if key, ok := pick(keys, a.keyID, a.alg); ok {
			return a.verify(key, code)
		}
	}
	return nil, errNoKey(code)
}

func errNoKey(code Code) error {
	return Refuse(code, "the client has not exactly one key with the kid of the JWT for its alg")
}

func (a *assertion) verify(key clientKey, code Code) (map[string]json.RawMessage, error) {
	var claims map[string]json.RawMessage
	if err := a.token.Claims(key.key, &claims); err != nil {
		return nil, Refuse(code, "the signature of the JWT is wrong")
	}
	return claims, nil
}

// spend takes the assertion's jti, which the store lets happen once.
func (s *Service) spend(ctx context.Context, a *assertion) error {
	var w changes
	id := hashed(a.claims.Issuer + "\n" + a.claims.ID)
	w.put(kindJTI, id, 0, struct{}{}, a.claims.Expiry.Time().Add(2*skew))
	err := s.write(ctx, &w)
	if errors.Is(err, ErrConflict) {
		return Refuse(InvalidClient, "client_assertion: its jti was used before; make a new assertion for each request")
	}
	return err
}
