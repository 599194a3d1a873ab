package auth

import (
	"net/http"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// userClaims are OpenID Connect Core §5.3.2 with fhirUser.
type userClaims struct {
	Subject  string `json:"sub"`
	FHIRUser string `json:"fhirUser,omitempty"`
	Profile  string `json:"profile,omitempty"`
	Name     string `json:"name,omitempty"`
}

// userinfo tells an app about the user of its token.
func (c *call) userinfo() error {
	a, err := c.scoped(smart.OpenID)
	if err != nil {
		return err
	}
	if a.User == "" {
		return identity.Refuse(identity.InsufficientScope, "the token is of no user")
	}
	claims := userClaims{Subject: a.User}
	if a.Scopes.Has(smart.FHIRUser) {
		claims.FHIRUser = c.Identity.FHIRUserURL(a.FHIRUser)
	}
	if a.Scopes.Has(smart.Profile) {
		claims.Profile, claims.Name = c.Identity.FHIRUserURL(a.FHIRUser), a.UserName
	}
	return c.writeJSON(http.StatusOK, claims)
}
