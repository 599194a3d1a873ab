package identity

import (
	"context"
	"errors"
	"strings"
)

// Introspection is what is told of a token that is good.
type Introspection struct {
	Access
	Refresh bool // it is a refresh token
}

// Introspect says what a token stands for (RFC 7662 §2); ErrToken when it is not
// good. Whoever asks must have been looked at before.
func (s *Service) Introspect(ctx context.Context, token string) (*Introspection, error) {
	if !strings.HasPrefix(token, refreshPrefix) {
		check := s.CheckToken
		if strings.Count(token, ".") == 2 {
			check = s.checkOutside
		}
		a, err := check(ctx, token)
		if err != nil {
			return nil, err
		}
		return &Introspection{Access: *a}, nil
	}
	r, g, u, err := s.readRefresh(ctx, token)
	if err != nil {
		return nil, err
	}
	if g.Generation != r.Generation {
		return nil, ErrToken
	}
	c, err := s.Client(ctx, r.Client)
	if errors.Is(err, ErrNoClient) || err == nil && (c.usable() != nil || !s.refreshable(c, r)) {
		return nil, ErrToken
	}
	if err != nil {
		return nil, err
	}
	a := ofGrant(g, u)
	a.ClientName, a.Issued, a.Expires = c.Name, latest(g.Created, g.Rotated), r.Expires
	a.Scopes = g.Scopes.Within(c.Scopes)
	return &Introspection{Refresh: true, Access: *a}, nil
}

// RefreshAccess is what a refresh token stands for, be it used or not, and
// whosever it is; ErrToken.
func (s *Service) RefreshAccess(ctx context.Context, token string) (*Access, error) {
	_, g, u, err := s.readRefresh(ctx, token)
	if err != nil {
		return nil, err
	}
	return ofGrant(g, u), nil
}

// readRefresh reads a refresh token of a grant that is still good; ErrToken.
func (s *Service) readRefresh(ctx context.Context, token string) (r refresh, g *Grant, u *User, err error) {
	_, err = s.read(ctx, kindRefresh, hashed(token), &r)
	if errors.Is(err, ErrNotFound) || err == nil && !s.now().Before(r.Expires) {
		return r, nil, nil, ErrToken
	}
	if err != nil {
		return r, nil, nil, err
	}
	g, u, err = s.liveGrant(ctx, r.Grant)
	if _, refused := errors.AsType[*Refused](err); refused {
		err = ErrToken
	}
	return r, g, u, err
}

// ofGrant is what a user allowed a client.
func ofGrant(g *Grant, u *User) *Access {
	return &Access{
		Client: g.Client, User: u.ID, UserName: u.Name, Roles: u.Roles, Links: u.Links, FHIRUser: u.FHIRUser(),
		Grant: g.ID, Scopes: g.Scopes, Context: g.Context, Purpose: g.Purpose, AuthTime: g.AuthTime,
	}
}

// checkOutside returns what a JWT for a resource server allows there; ErrToken.
func (s *Service) checkOutside(ctx context.Context, token string) (*Access, error) {
	a, err := s.readAccess(ctx, hashed(token))
	if err != nil {
		return nil, err
	}
	if a.Resource == "" || !s.now().Before(a.Expires) || s.ahead(a.Issued) {
		return nil, ErrToken
	}
	return a, nil
}
