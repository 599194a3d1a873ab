package identity

import (
	"context"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// idTokenFor is how long an id_token may be believed.
const idTokenFor = 10 * time.Minute

// ownClaims are the claims of an id_token of this server (OpenID Connect Core §2, SMART §3.0.5).
type ownClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	Methods  []string `json:"amr,omitempty"`
	FHIRUser string   `json:"fhirUser,omitempty"`
	Profile  string   `json:"profile,omitempty"`
	Name     string   `json:"name,omitempty"`
}

func (s *Service) idToken(ctx context.Context, i *issue) (string, error) {
	c := ownClaims{
		Issuer: s.config.Issuer, Subject: i.user.ID, Audience: i.client.ID,
		Expires: i.now.Add(idTokenFor).Unix(), IssuedAt: i.now.Unix(),
		AuthTime: i.grant.AuthTime.Unix(), Nonce: i.grant.Nonce, Methods: i.grant.Methods,
		FHIRUser: s.fhirUser(i),
	}
	if i.scopes.Has(smart.Profile) {
		c.Profile, c.Name = s.FHIRUserURL(i.user.FHIRUser()), i.user.Name
	}
	return s.Sign(ctx, jose.RS256, "JWT", c)
}

// fhirUser is the claim fhirUser, "" unless its scope is among those issued.
func (s *Service) fhirUser(i *issue) string {
	if !i.scopes.Has(smart.FHIRUser) {
		return ""
	}
	return s.FHIRUserURL(i.user.FHIRUser())
}

// FHIRUserURL is the address of the resource that a user is; "" for the zero Key.
func (s *Service) FHIRUserURL(k fhir.Key) string {
	if k == (fhir.Key{}) {
		return ""
	}
	return s.FHIRBase() + "/" + k.String()
}

// IDHint is what an id_token says that comes back as id_token_hint.
type IDHint struct{ User, Client string }

// ReadIDHint reads an id_token of this server, even one that has expired (OpenID
// Connect RP-Initiated Logout §2); ErrToken.
func (s *Service) ReadIDHint(ctx context.Context, text string) (IDHint, error) {
	if len(text) > maxAssertion || strings.Count(text, ".") != 2 {
		return IDHint{}, ErrToken
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(token.Headers) != 1 || token.Headers[0].ExtraHeaders[jose.HeaderType] != "JWT" {
		return IDHint{}, ErrToken
	}
	set, err := s.JWKS(ctx)
	if err != nil {
		return IDHint{}, err
	}
	keys := set.Key(token.Headers[0].KeyID)
	var c ownClaims
	if len(keys) != 1 || keys[0].Algorithm != string(jose.RS256) || token.Claims(keys[0].Key, &c) != nil || c.Issuer != s.config.Issuer || c.Subject == "" || c.Audience == "" {
		return IDHint{}, ErrToken
	}
	return IDHint{c.Subject, c.Audience}, nil
}
