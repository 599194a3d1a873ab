package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Origin is where a request comes from.
type Origin struct {
	Address netip.Addr // of the client, not of a proxy
	Device  string     // User-Agent
}

// Session is a browser in which a user is signed in. Its ID is no secret.
type Session struct {
	ID         string    `json:"-"`
	UserID     string    `json:"user"`
	Generation int64     `json:"generation"` // of the user at sign-in
	Methods    []string  `json:"methods"`    // how the user signed in, in RFC 8176's words
	Created    time.Time `json:"created"`    // time of sign-in: the claim auth_time
	Seen       time.Time `json:"seen"`       // last use, to about a minute
	Expires    time.Time `json:"expires"`
	Device     string    `json:"device,omitempty"`
	Address    string    `json:"address,omitempty"`
	User       *User     `json:"-"` // as it is now

	version int64
}

const (
	kindSession  = "session"
	maxSessions  = 50 // of a user; the one used least recently makes room
	maxDevice    = 200
	seenInterval = time.Minute
)

// NewSession makes a session of a complete sign-in and returns the value of its
// cookie, which is always new: what the browser sent before is never adopted.
// ErrSecondFactor when the sign-in is not complete.
func (s *Service) NewSession(ctx context.Context, in *SignIn, from Origin) (cookie string, _ *Session, err error) {
	if !in.complete {
		return "", nil, ErrSecondFactor
	}
	now := s.now()
	cookie = newSecret(sessionPrefix)
	n := &Session{
		ID: hashed(cookie), UserID: in.User.ID, Generation: in.User.Generation, Methods: in.Methods,
		Created: now, Seen: now, Expires: now.Add(s.config.SessionLife),
		Device: shorten(from.Device, maxDevice), User: in.User, version: 1,
	}
	if from.Address.IsValid() {
		n.Address = from.Address.String()
	}
	var c changes
	c.putSession(n, 0)
	others, err := s.Sessions(ctx, in.User.ID)
	if err != nil {
		return "", nil, err
	}
	for i := maxSessions - 1; i < len(others); i++ {
		c.remove(kindSession, others[i].ID, store.Any)
		c.epoch = true
	}
	return cookie, n, s.write(ctx, &c)
}

func (c *changes) putSession(n *Session, expect int64) {
	c.put(kindSession, n.ID, expect, n, n.Expires, store.ItemKey{Name: "user", Value: n.UserID})
}

// shorten cuts a text that only people read to at most max bytes.
func shorten(text string, max int) string {
	if len(text) > max {
		text = text[:max]
	}
	return strings.ToValidUTF8(text, "")
}

// Session returns the session of a cookie and counts it as used; ErrSession.
func (s *Service) Session(ctx context.Context, cookie string) (*Session, error) {
	if !strings.HasPrefix(cookie, sessionPrefix) {
		return nil, ErrSession
	}
	n, err := s.SessionByID(ctx, hashed(cookie))
	if err != nil {
		return nil, err
	}
	// A time of use far ahead is of a clock that was wrong.
	if now := s.now(); now.Sub(n.Seen) > seenInterval || n.Seen.Sub(now) > maxSkew {
		n.Seen = now
		var c changes
		c.putSession(n, n.version)
		if err := s.write(ctx, &c); err != nil && !errors.Is(err, ErrConflict) {
			return nil, err
		}
	}
	return n, nil
}

// SessionByID returns a session that is still good, and does not count it as
// used; ErrSession.
func (s *Service) SessionByID(ctx context.Context, id string) (*Session, error) {
	n := &Session{ID: id}
	v, err := s.read(ctx, kindSession, id, n)
	if errors.Is(err, ErrNotFound) || err == nil && !s.alive(n) {
		return nil, ErrSession
	}
	if err != nil {
		return nil, err
	}
	n.version = v
	if n.User, err = s.User(ctx, n.UserID); err != nil {
		return nil, err
	}
	if n.User.Disabled || n.User.Generation != n.Generation {
		return nil, ErrSession
	}
	if !hasSecondFactor(n.Methods) {
		if required, err := s.secondFactorRequired(ctx, n.User); err != nil || required {
			return nil, cmp.Or(err, ErrSession)
		}
	}
	return n, nil
}

// alive looks at the times of a session. One that was made in the future was
// made by a clock that was wrong; nobody knows when it ends.
func (s *Service) alive(n *Session) bool {
	now := s.now()
	return now.Before(n.Expires) && now.Sub(n.Seen) < s.config.SessionIdle && n.Created.Sub(now) <= maxSkew
}

// Sessions lists a user's sessions that are still good, the one used last first.
func (s *Service) Sessions(ctx context.Context, user string) ([]Session, error) {
	u, err := s.User(ctx, user)
	if err != nil {
		return nil, err
	}
	var all []Session
	err = s.eachSession(ctx, user, func(n Session) {
		if s.alive(&n) && n.Generation == u.Generation && !u.Disabled {
			n.User = u
			all = append(all, n)
		}
	})
	slices.SortFunc(all, func(a, b Session) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID)) })
	return all, err
}

func (s *Service) eachSession(ctx context.Context, user string, f func(Session)) error {
	const page = 100
	for after := ""; ; {
		items, err := s.config.Store.FindItems(ctx, kindSession, store.ItemKey{Name: "user", Value: user}, after, page)
		if err != nil {
			return err
		}
		for _, i := range items {
			n := Session{ID: i.ID, version: i.Version}
			if err := decode(i, &n); err != nil {
				return err
			}
			f(n)
			after = i.ID
		}
		if len(items) < page {
			return nil
		}
	}
}

// EndSession ends a session of a user; ErrSession when it is not there or
// another user's.
func (s *Service) EndSession(ctx context.Context, user, id string) error {
	n := Session{}
	_, err := s.read(ctx, kindSession, id, &n)
	if errors.Is(err, ErrNotFound) || err == nil && n.UserID != user {
		return ErrSession
	}
	if err != nil {
		return err
	}
	c := changes{epoch: true}
	c.remove(kindSession, id, store.Any)
	return s.write(ctx, &c)
}

// EndSessions ends all sessions of a user but the one of the id except; "" for
// all.
func (s *Service) EndSessions(ctx context.Context, user, except string) error {
	c := changes{epoch: true}
	err := s.eachSession(ctx, user, func(n Session) {
		if n.ID != except {
			c.remove(kindSession, n.ID, store.Any)
		}
	})
	if err != nil {
		return fmt.Errorf("sessions of user %q: %w", user, err)
	}
	return s.write(ctx, &c)
}
