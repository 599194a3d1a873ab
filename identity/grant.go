package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

const kindGrant = "grant"

// Grant is what a user allowed an app once: the family of all codes and tokens
// that came of it. Its JSON is what is kept.
type Grant struct {
	ID     string `json:"id"`
	Client string `json:"client"`
	User   string `json:"user"`
	// UserGeneration is the user's Generation then; under another one the grant
	// is void.
	UserGeneration int64         `json:"userGeneration"`
	Session        string        `json:"session"` // in which it was given
	Scopes         smart.Scopes  `json:"scopes"`
	Context        smart.Context `json:"context"`
	Nonce          string        `json:"nonce,omitempty"`
	Purpose        string        `json:"purpose,omitempty"` // of use, as the app asked for it
	AuthTime       time.Time     `json:"authTime"`          // of the sign-in
	Methods        []string      `json:"methods,omitempty"` // of the sign-in, in RFC 8176's words
	Created        time.Time     `json:"created"`
	Used           time.Time     `json:"used"`           // when tokens were last issued
	Until          time.Time     `json:"until,omitzero"` // no longer, as the user chose
	Expires        time.Time     `json:"expires"`        // when nothing of it is good any more
	Revoked        time.Time     `json:"revoked,omitzero"`
	Why            string        `json:"why,omitempty"` // why it was revoked, for people
	// Consent is the grant by which the user allowed this before; "" when the user
	// was asked for this one. It ends with that one.
	Consent string `json:"consent,omitempty"`
	// Forgotten means that the user is asked again although the grant is good, since
	// another one of the same app and patient was revoked.
	Forgotten bool `json:"forgotten,omitempty"`
	// Generation counts the rotations of the refresh token, Rotated is when the
	// last one was.
	Generation int64     `json:"generation,omitempty"`
	Rotated    time.Time `json:"rotated,omitzero"`
	Version    int64     `json:"-"`
}

// Offline says whether the grant outlives the session in which it was given.
func (g *Grant) Offline() bool { return g.Scopes.Has(smart.OfflineAccess) }

// Live says whether something of the grant may still be good.
func (g *Grant) Live(now time.Time) bool {
	return g.Revoked.IsZero() && now.Before(g.Expires) && (g.Until.IsZero() || now.Before(g.Until))
}

// keptAfter is how long a grant that ended is still shown to its user.
const keptAfter = 30 * 24 * time.Hour

func (g *Grant) put(w *changes) {
	w.put(kindGrant, g.ID, g.Version, g, g.Expires.Add(keptAfter),
		store.ItemKey{Name: "user", Value: g.User}, store.ItemKey{Name: "client", Value: g.Client}, store.ItemKey{Name: "session", Value: g.Session})
}

// ErrNoGrant says that there is no such grant.
var ErrNoGrant = errors.New("identity: there is no such grant")

// Grant returns a grant, ended or not; ErrNoGrant when there is none.
func (s *Service) Grant(ctx context.Context, id string) (*Grant, error) {
	g := &Grant{}
	version, err := s.read(ctx, kindGrant, id, g)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrNoGrant
	}
	g.Version = version
	return g, err
}

// Grants are what a user allowed, the latest first, ended ones too as long as
// they are kept.
func (s *Service) Grants(ctx context.Context, user string) ([]*Grant, error) {
	return s.grantsBy(ctx, "user", user)
}

// ClientGrants are what users allowed a client.
func (s *Service) ClientGrants(ctx context.Context, client string) ([]*Grant, error) {
	return s.grantsBy(ctx, "client", client)
}

func (s *Service) grantsBy(ctx context.Context, name, value string) ([]*Grant, error) {
	var all []*Grant
	err := s.walk(ctx, kindGrant, &store.ItemKey{Name: name, Value: value}, func(i store.Item) error {
		g := &Grant{Version: i.Version}
		all = append(all, g)
		return decode(i, g)
	})
	slices.SortFunc(all, func(a, b *Grant) int { return b.Created.Compare(a.Created) })
	return all, err
}

// liveGrant reads a grant that is still good, with its user. A *Refused with
// InvalidGrant says why it is not.
func (s *Service) liveGrant(ctx context.Context, id string) (*Grant, *User, error) {
	g, err := s.Grant(ctx, id)
	if errors.Is(err, ErrNoGrant) || err == nil && (!g.Live(s.now()) || s.ahead(g.Created)) {
		return nil, nil, Refuse(InvalidGrant, "what the user allowed has ended; ask the user again")
	}
	if err != nil {
		return nil, nil, err
	}
	if g.Consent != "" {
		asked, err := s.Grant(ctx, g.Consent)
		if errors.Is(err, ErrNoGrant) || err == nil && !asked.Revoked.IsZero() {
			return nil, nil, Refuse(InvalidGrant, "what the user allowed has ended; ask the user again")
		}
		if err != nil {
			return nil, nil, err
		}
	}
	u, err := s.User(ctx, g.User)
	if errors.Is(err, ErrNotFound) || err == nil && (u.Disabled || u.Generation != g.UserGeneration) {
		return nil, nil, Refuse(InvalidGrant, "the account of the user has changed since; ask the user again")
	}
	if err != nil {
		return nil, nil, err
	}
	if !g.Offline() {
		ended, err := s.sessionEnded(ctx, g.Session)
		if err != nil {
			return nil, nil, err
		}
		if ended {
			return nil, nil, errSignedOut()
		}
	}
	return g, u, nil
}

func errSignedOut() error { return Refuse(InvalidGrant, "the user has signed out") }

// sessionEnded says whether a session was ended or is over. One in which nothing
// was done for a while at this server is not, since the user is in the app.
func (s *Service) sessionEnded(ctx context.Context, id string) (bool, error) {
	var n Session
	_, err := s.read(ctx, kindSession, id, &n)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return !s.now().Before(n.Expires), err
}

// SessionToEnd returns the session of a cookie even when nothing was done in it
// for so long that nobody is signed in any more: apps with online access may
// still be at work; ErrSession.
func (s *Service) SessionToEnd(ctx context.Context, cookie string) (*Session, error) {
	n := &Session{ID: hashed(cookie)}
	_, err := s.read(ctx, kindSession, n.ID, n)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrSession
	}
	return n, err
}

// RevokeGrant ends a grant and all that came of it, in every process at its next
// request; the user is asked anew. Why is for people. It is no error when the grant
// has ended already.
func (s *Service) RevokeGrant(ctx context.Context, id, why string) error {
	g, err := s.Grant(ctx, id)
	if err != nil || !g.Revoked.IsZero() {
		return err
	}
	g.Revoked, g.Why = s.now(), why
	// Whatever else was to change it loses: nothing may hold up its end.
	g.Version = store.Any
	return again(func() error {
		w := changes{epoch: true}
		g.put(&w)
		if err := s.forget(ctx, &w, g); err != nil {
			return err
		}
		return s.write(ctx, &w)
	})
}

// walk calls f with all items of a kind, or with those that have key, in the
// order of their ids, until f fails.
func (s *Service) walk(ctx context.Context, kind string, key *store.ItemKey, f func(store.Item) error) error {
	const page = 200
	for after := ""; ; {
		var items []store.Item
		var err error
		if key == nil {
			items, err = s.config.Store.ListItems(ctx, kind, after, page)
		} else {
			items, err = s.config.Store.FindItems(ctx, kind, *key, after, page)
		}
		if err != nil {
			return err
		}
		for _, i := range items {
			if err := f(i); err != nil {
				return err
			}
			after = i.ID
		}
		if len(items) < page {
			return nil
		}
	}
}
