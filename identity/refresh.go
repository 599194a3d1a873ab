package identity

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

const (
	kindRefresh   = "refresh"
	refreshPrefix = "igl_rt_"
	// graceFor is how long a refresh token is good after its use, for a client
	// that asked twice at once or did not get the answer.
	graceFor = 10 * time.Second
)

// refresh is a refresh token that was issued. It is good while its generation is
// that of its grant.
type refresh struct {
	Grant      string    `json:"grant"`
	Client     string    `json:"client"`
	Generation int64     `json:"generation"`
	Expires    time.Time `json:"expires"`
}

// issueRefresh makes a refresh token if the client may have one.
func (s *Service) issueRefresh(ctx context.Context, i *issue, t *Tokens) error {
	g := i.grant
	if !i.client.May(RefreshToken) {
		return nil
	}
	var until time.Time
	switch {
	case g.Offline():
		until = i.now.Add(RefreshFor)
		if i.client.RefreshFor != 0 {
			until = i.now.Add(i.client.RefreshFor)
		}
	case g.Scopes.Has(smart.OnlineAccess):
		var n Session
		_, err := s.read(ctx, kindSession, g.Session, &n)
		if errors.Is(err, ErrNotFound) {
			return errSignedOut()
		}
		if err != nil {
			return err
		}
		until = n.Expires
	default:
		return nil
	}
	if !g.Until.IsZero() && g.Until.Before(until) {
		until = g.Until
	}
	t.Refresh = newSecret(refreshPrefix)
	g.Expires = latest(g.Expires, until)
	i.w.put(kindRefresh, hashed(t.Refresh), 0, refresh{g.ID, i.client.ID, g.Generation, until}, until)
	return nil
}

// Refresh gives new tokens for a refresh token (RFC 6749 §6) and a new refresh
// token in its place. An old one that comes again ends the grant, unless it does
// so at once. scopes narrows the access token; nil is for all that was granted.
func (s *Service) Refresh(ctx context.Context, c *Client, secret string, scopes smart.Scopes, resource string) (*Tokens, error) {
	var tokens *Tokens
	err := again(func() (err error) {
		tokens, err = s.refresh(ctx, c, secret, scopes, resource)
		return err
	})
	return tokens, err
}

// refreshes is the public client to which a refresh token was given; "" when it
// was given to one that has to prove who it is.
func (s *Service) refreshes(ctx context.Context, secret string) (client string, err error) {
	var found refresh
	if _, err := s.read(ctx, kindRefresh, hashed(secret), &found); errors.Is(err, ErrNotFound) {
		return "", Refuse(InvalidGrant, "the refresh token is unknown or has expired; ask the user again")
	} else if err != nil {
		return "", err
	}
	c, err := s.Client(ctx, found.Client)
	if errors.Is(err, ErrNoClient) || err == nil && c.Confidential() {
		return "", nil
	}
	return found.Client, err
}

// refreshable says whether a refresh token of a client has not expired. One that
// lives longer than any was made by a clock that was wrong.
func (s *Service) refreshable(c *Client, r refresh) bool {
	return s.fresh(r.Expires, max(RefreshFor, c.RefreshFor))
}

func (s *Service) refresh(ctx context.Context, c *Client, secret string, scopes smart.Scopes, resource string) (*Tokens, error) {
	var found refresh
	_, err := s.read(ctx, kindRefresh, hashed(secret), &found)
	now := s.now()
	if errors.Is(err, ErrNotFound) || err == nil && (found.Client != c.ID || !s.refreshable(c, found)) {
		return nil, Refuse(InvalidGrant, "the refresh token is unknown or has expired; ask the user again")
	}
	if err != nil {
		return nil, err
	}
	g, u, err := s.liveGrant(ctx, found.Grant)
	if err != nil {
		return nil, err
	}
	switch {
	case found.Generation == g.Generation:
		g.Generation, g.Rotated = g.Generation+1, now
	case found.Generation == g.Generation-1 && now.Sub(g.Rotated).Abs() < graceFor:
		// It gets a token of the generation that the other one got. Of these
		// two whichever is used later ends the grant.
	default:
		if err := s.RevokeGrant(context.WithoutCancel(ctx), g.ID, "a refresh token was used twice"); err != nil {
			return nil, err
		}
		return nil, Refuse(InvalidGrant, "the refresh token was used before; all that came of it has ended")
	}
	if len(scopes) == 0 {
		scopes = g.Scopes
	}
	for _, scope := range scopes {
		if !g.Scopes.Covered(scope) {
			return nil, Refuse(InvalidScope, "%s is more than the user allowed", scope)
		}
	}
	// The client may have been registered for less since.
	if scopes = scopes.Within(c.Scopes); len(scopes) == 0 {
		return nil, Refuse(InvalidScope, "the client is no longer registered for any of these scopes")
	}
	return s.issue(ctx, &issue{client: c, grant: g, user: u, scopes: scopes, resource: resource, now: now})
}
