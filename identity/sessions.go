package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/store"
)

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
