package smart

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// Refresh exchanges a refresh token for a new access token, and a new refresh
// token if the server rotates them: then t is used up, and a second Refresh of it
// may end the authorization. Source sees to that. A new id_token must be of the
// same user (OpenID Connect Core §12.2); one that cannot be verified now, because
// the server's keys are out of reach, is left out, so that the rotated refresh
// token is not lost.
func (c *Client) Refresh(ctx context.Context, t *Token) (*Token, error) {
	if t.Refresh == "" {
		return nil, ErrExpired
	}
	renewed, err := c.request(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}}, t)
	if err != nil {
		return nil, err
	}
	if renewed.IDToken == t.IDToken {
		return renewed, nil
	}
	who, err := c.verify(ctx, renewed.IDToken)
	switch {
	case err != nil && !errors.Is(err, ErrIDToken): // the keys cannot be fetched: what is known of the user stays
		renewed.IDToken = t.IDToken
		return renewed, nil
	case err != nil:
		return nil, err
	case t.Identity != nil && who.Subject != t.Identity.Subject:
		return nil, fmt.Errorf("%w: it is another user's than before", ErrIDToken)
	case t.Identity != nil && who.Nonce != "" && who.Nonce != t.Identity.Nonce:
		return nil, fmt.Errorf("%w: its nonce is not the one that was sent", ErrIDToken)
	}
	renewed.Identity = who
	return renewed, nil
}
