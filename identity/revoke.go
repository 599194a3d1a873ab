package identity

import (
	"context"
	"errors"
	"strings"

	"github.com/inglehealth/ingle/store"
)

// Revoke ends a token of a client (RFC 7009 §2): an access token alone, a refresh
// token with all that the user allowed. It is no error when the token is unknown,
// or another client's, which is left as it is.
func (s *Service) Revoke(ctx context.Context, c *Client, token string) error {
	id := hashed(token)
	if strings.HasPrefix(token, refreshPrefix) {
		var r refresh
		_, err := s.read(ctx, kindRefresh, id, &r)
		if errors.Is(err, ErrNotFound) || err == nil && r.Client != c.ID {
			return nil
		}
		if err != nil {
			return err
		}
		err = s.RevokeGrant(ctx, r.Grant, "the app gave its access back")
		if errors.Is(err, ErrNoGrant) {
			return nil
		}
		return err
	}
	var a accessToken
	_, err := s.read(ctx, kindAccess, id, &a)
	if errors.Is(err, ErrNotFound) || err == nil && a.Client != c.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return s.removeAccess(ctx, id)
}

// RevokeToken ends an access token, whosever it is; ErrToken when there is none.
func (s *Service) RevokeToken(ctx context.Context, token string) error {
	var a accessToken
	_, err := s.read(ctx, kindAccess, hashed(token), &a)
	if errors.Is(err, ErrNotFound) {
		return ErrToken
	}
	if err != nil {
		return err
	}
	return s.removeAccess(ctx, hashed(token))
}

func (s *Service) removeAccess(ctx context.Context, id string) error {
	w := changes{epoch: true}
	w.remove(kindAccess, id, store.Any)
	return s.write(ctx, &w)
}
