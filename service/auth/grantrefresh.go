package auth

import (
	"errors"
	"net/url"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// grantRefresh gives new tokens for a refresh token (RFC 6749 §6).
func (c *call) grantRefresh(client *identity.Client, form url.Values) (*identity.Tokens, error) {
	var token, scope, resource string
	if err := several(form, map[string]*string{"refresh_token": &token, "scope": &scope, "resource": &resource}); err != nil {
		return nil, err
	}
	if token == "" {
		return nil, identity.Refuse(identity.InvalidRequest, "refresh_token is missing")
	}
	scopes, err := smart.ParseScopes(scope)
	if err != nil {
		return nil, identity.Refuse(identity.InvalidScope, "%v", err)
	}
	a, err := c.Identity.RefreshAccess(c.r.Context(), token)
	if err == nil && a.Client == client.ID {
		if acts, err := c.acts(c.r.Context(), a); err != nil {
			return nil, err
		} else if !acts {
			return nil, identity.Refuse(identity.InvalidGrant, "the user may no longer act for the patient; ask the user again")
		}
	}
	if err != nil && !errors.Is(err, identity.ErrToken) { // what is wrong with the token Refresh says
		return nil, err
	}
	return c.Identity.Refresh(c.r.Context(), client, token, scopes, resource)
}
