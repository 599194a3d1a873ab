package smart

import (
	"context"
	"errors"
	"net/url"
)

// Revoke tells the server that a token is not needed any more (RFC 7009): the
// refresh token first, with which the authorization ends, then the access token.
func (c *Client) Revoke(ctx context.Context, t *Token) error {
	endpoint := c.Server.Configuration.RevocationEndpoint
	if endpoint == "" {
		return errors.New("smart: the server has no revocation_endpoint")
	}
	if t.Refresh != "" {
		if _, err := c.post(ctx, endpoint, url.Values{"token": {t.Refresh}, "token_type_hint": {"refresh_token"}}); err != nil {
			return err
		}
	}
	_, err := c.post(ctx, endpoint, url.Values{"token": {t.Access}, "token_type_hint": {"access_token"}})
	return err
}
