package auth

import (
	"net/url"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// grantCredentials gives a client a token of its own (SMART §4.0.4).
func (c *call) grantCredentials(client *identity.Client, form url.Values) (*identity.Tokens, error) {
	var scope, resource, purpose string
	if err := several(form, map[string]*string{"scope": &scope, "resource": &resource, "purpose_of_use": &purpose}); err != nil {
		return nil, err
	}
	scopes, err := smart.ParseScopes(scope)
	if err != nil {
		return nil, identity.Refuse(identity.InvalidScope, "%v", err)
	}
	for _, s := range scopes {
		one, err := smart.ParseScope(s)
		if err != nil {
			continue // it is not about resources
		}
		if err := c.Door.CheckScope(c.r.Context(), one); err != nil {
			return nil, identity.Refuse(identity.InvalidScope, "%v", err)
		}
	}
	return c.Identity.ClientCredentials(c.r.Context(), client, scopes, resource, purpose)
}
