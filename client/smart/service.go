package smart

import (
	"context"
	"net/url"
)

// Service is the Source of a client that acts by itself, by system/ scopes
// (Backend Services, §4). The client's Auth is a *Key. The first token is fetched
// when it is asked for; new ones take the place of refresh tokens.
func (c *Client) Service(scopes Scopes) *Source {
	renew := func(ctx context.Context, _ *Token) (*Token, error) {
		return c.request(ctx, url.Values{"grant_type": {"client_credentials"}, "scope": {scopes.String()}}, &Token{Scopes: scopes})
	}
	return &Source{now: c.Server.now, renew: renew}
}
