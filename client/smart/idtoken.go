package smart

import (
	"context"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Identity is what a verified id_token says of the user.
type Identity struct {
	Issuer   string
	Subject  string // sub: the user's identifier at the issuer
	FHIRUser string // URL of the user's resource; "" without the scope fhirUser
	Nonce    string
	Expires  time.Time
}

// idTokenAlgorithms are those that are accepted, whatever a header says.
var idTokenAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES384}

// skew is by how much clocks may differ.
const skew = 30 * time.Second

// verify reads an id_token as OpenID Connect Core §3.1.3.7 wants it, but for the
// nonce, which the caller compares. Errors are ErrIDToken, or those of fetching
// the keys.
func (c *Client) verify(ctx context.Context, text string) (*Identity, error) {
	token, err := jwt.ParseSigned(text, idTokenAlgorithms)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIDToken, err)
	}
	header := token.Headers[0] // ParseSigned sees to it that there is one
	key, err := c.Server.key(ctx, header.KeyID, jose.SignatureAlgorithm(header.Algorithm))
	if err != nil {
		return nil, err
	}
	var claims struct {
		jwt.Claims
		Nonce    string `json:"nonce"`
		Party    string `json:"azp"`
		FHIRUser string `json:"fhirUser"`
	}
	if err := token.Claims(key, &claims); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIDToken, err)
	}
	if wrong := c.wrong(&claims.Claims, claims.Party); wrong != "" {
		return nil, fmt.Errorf("%w: %s", ErrIDToken, wrong)
	}
	return &Identity{claims.Issuer, claims.Subject, claims.FHIRUser, claims.Nonce, claims.Expiry.Time()}, nil
}

func (c *Client) wrong(claims *jwt.Claims, party string) string {
	now := c.Server.now()
	switch {
	case claims.Issuer == "" || claims.Issuer != c.Server.Configuration.Issuer:
		return fmt.Sprintf("its iss is %q", claims.Issuer)
	case claims.Subject == "":
		return "it has no sub"
	case !claims.Audience.Contains(c.ID):
		return "its aud is another client"
	case len(claims.Audience) > 1 && party == "" || party != "" && party != c.ID:
		return "its azp is not this client"
	case claims.Expiry == nil || !now.Before(claims.Expiry.Time().Add(skew)):
		return "it has expired"
	case claims.IssuedAt == nil || claims.IssuedAt.Time().After(now.Add(skew)):
		return "its iat is missing or lies ahead"
	}
	return ""
}
