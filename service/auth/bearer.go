package auth

import (
	"context"
	"fmt"
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

// errActs says that a token is not good as long as its user may not act for the
// patient.
var errActs = fmt.Errorf("auth: the user may no longer act for the patient: %w", identity.ErrToken)

// check is what an access token allows; identity.ErrToken, errActs.
func (t *tenant) check(ctx context.Context, token string) (*identity.Access, error) {
	a, err := t.Identity.CheckToken(ctx, token)
	if err != nil {
		return nil, err
	}
	if acts, err := t.acts(ctx, a); err != nil {
		return nil, err
	} else if !acts {
		return nil, errActs
	}
	return a, nil
}

// access is what the request's token allows; identity.ErrToken.
func (c *call) access() (*identity.Access, error) {
	a, err := c.check(c.r.Context(), bearer(c.r))
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
