package identity

import (
	"context"

	"github.com/inglehealth/ingle/spec/smart"
)

// ClientCredentials gives a client a token of its own (SMART §4.0.4): at most
// BackendFor, without refresh token, for those of the scopes that the client was
// registered for. Purpose is what the token is for; "" is HOPERAT.
func (s *Service) ClientCredentials(ctx context.Context, c *Client, scopes smart.Scopes, resource, purpose string) (*Tokens, error) {
	if !c.May(ClientCredentials) {
		return nil, Refuse(UnauthorizedClient, "this client is not registered for client_credentials")
	}
	if len(scopes) == 0 {
		return nil, Refuse(InvalidScope, "scope is missing: name the system/ scopes that are needed")
	}
	for _, scope := range scopes {
		if scope == ScopeIntrospect || scope == ScopeLaunch {
			continue
		}
		if one, err := smart.ParseScope(scope); err != nil || one.Level != smart.System {
			return nil, Refuse(InvalidScope, "%s: a client without a user has system/ scopes", scope)
		}
	}
	if err := c.MayPursue(purpose); err != nil {
		return nil, err
	}
	granted := scopes.Within(c.Scopes)
	if len(granted) == 0 {
		return nil, Refuse(InvalidScope, "the client is not registered for any of these scopes")
	}
	i := issue{client: c, scopes: granted, resource: resource, purpose: purpose, now: s.now()}
	t := &Tokens{Scopes: granted}
	if err := s.issueAccess(ctx, &i, t); err != nil {
		return nil, err
	}
	return t, s.write(ctx, &i.w)
}
