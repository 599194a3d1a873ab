package auth

import (
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/identity"
)

// bearer reads the token of a request (RFC 6750 §2.1); "" when there is none. It
// is never taken from a query or a body.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// access is what the request's token allows; identity.ErrToken.
func (c *call) access() (*identity.Access, error) {
	a, err := c.Identity.CheckToken(c.r.Context(), bearer(c.r))
	if err == nil && c.act != nil {
		c.act.Agent = agentOf(a)
	}
	return a, err
}

// scoped is access of a token that has a scope.
func (c *call) scoped(scope string) (*identity.Access, error) {
	a, err := c.access()
	if err == nil && !a.Scopes.Has(scope) {
		err = identity.Refuse(identity.InsufficientScope, "the token needs the scope %s", scope)
	}
	return a, err
}
