package auth

import (
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
	return c.Identity.Refresh(c.r.Context(), client, token, scopes, resource)
}
