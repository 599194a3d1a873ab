package smart

import (
	"context"
	"sync"
	"time"
)

// Source hands out the access token of one authorization and renews it when it
// is about to expire. It is safe for concurrent use: however many ask, one
// renewal is under way.
type Source struct {
	now     func() time.Time
	renew   func(context.Context, *Token) (*Token, error)
	changed func(*Token)

	mu      sync.Mutex
	token   *Token // nil before the first
	over    error  // why there will be no token any more
	running *renewal
}

type renewal struct {
	done  chan struct{} // closed when token and err are set
	token *Token
	err   error
}

const (
	early      = 10 * time.Second // a token is renewed so long before it expires
	renewalFor = 30 * time.Second // a renewal takes at most
)

// Source renews t by its refresh token. changed is called with each new token
// before anybody gets it, so that it can be kept; nil for none.
func (c *Client) Source(t *Token, changed func(*Token)) *Source {
	return &Source{now: c.Server.now, renew: c.Refresh, changed: changed, token: t}
}

// Current is the token as it is, expired or not; nil before the first.
func (s *Source) Current() *Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// Token returns a token that has not expired. Errors are those of Refresh; after
// invalid_grant the authorization has ended, and each call says so without asking
// the server.
func (s *Source) Token(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	t := s.token
	fresh := t != nil && (t.Expires.IsZero() || s.now().Add(early).Before(t.Expires))
	over := s.over
	s.mu.Unlock()
	switch {
	case over != nil:
		return nil, over
	case fresh:
		return t, nil
	}
	return s.Renew(ctx, t)
}

// Renew replaces stale, a token that the server took no more. If another caller
// has done it since, it returns what that one got. A renewal that has begun goes
// on when ctx ends: were its answer lost, so would be the rotated refresh token.
func (s *Source) Renew(ctx context.Context, stale *Token) (*Token, error) {
	s.mu.Lock()
	if s.over != nil || s.token != nil && s.token != stale {
		defer s.mu.Unlock()
		return s.token, s.over
	}
	r := s.running
	if r == nil {
		r = &renewal{done: make(chan struct{})}
		s.running = r
		go s.run(context.WithoutCancel(ctx), r, stale)
	}
	s.mu.Unlock()
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Source) run(ctx context.Context, r *renewal, stale *Token) {
	ctx, stop := context.WithTimeout(ctx, renewalFor)
	defer stop()
	r.token, r.err = s.renew(ctx, stale)
	if r.err == nil && s.changed != nil {
		s.changed(r.token)
	}
	s.mu.Lock()
	if r.err == nil {
		s.token = r.token
	} else if ended(r.err) {
		s.over = r.err
	}
	s.running = nil
	s.mu.Unlock()
	close(r.done)
}
