package identity

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Origin is where a request comes from.
type Origin struct {
	Address netip.Addr // of the client, not of a proxy
	Device  string     // User-Agent
	Known   string     // what Remember returned for the browser; "" for none
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
	return s.UseSession(ctx, hashed(cookie))
}

// UseSession returns a session that is still good, and counts it as used;
// ErrSession.
func (s *Service) UseSession(ctx context.Context, id string) (*Session, error) {
	n, err := s.SessionByID(ctx, id)
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
