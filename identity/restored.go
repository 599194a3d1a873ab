package identity

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Restored ends, in a store that was put back from a backup, all that somebody may
// have ended since it was taken: sessions, grants with their tokens, launches,
// invitations and broken glass. Users sign in anew, and are asked anew for their apps; backend
// services ask for another token. It returns how many sessions and grants ended.
// Nobody else may have the store open.
func Restored(ctx context.Context, s store.Identity, now time.Time) (sessions, grants int, err error) {
	return atRest(s, now).endAll(ctx, "the records were put back from a backup")
}

// Copied ends in the copy of a tenant what Restored ends, and removes its signing keys,
// links for a first administrator and what was traced of launches: what the copy signs
// is not the other's, and what lets somebody in there lets nobody in here. Nobody else may
// have the store open.
func Copied(ctx context.Context, s store.Identity, now time.Time) error {
	in := atRest(s, now)
	for _, kind := range []string{kindSigner, kindSigningKey, kindTrace, kindSimulation} {
		if _, err := in.drop(ctx, kind); err != nil {
			return err
		}
	}
	if err := in.dropFirst(ctx); err != nil {
		return err
	}
	_, _, err := in.endAll(ctx, "this is a copy of another tenant")
	return err
}

// atRest is the Service of a store that nobody uses.
func atRest(s store.Identity, now time.Time) *Service {
	return &Service{config: Config{Store: s, Clock: func() time.Time { return now }}}
}

// dropFirst removes the links for a first administrator.
func (s *Service) dropFirst(ctx context.Context) error {
	var f first
	version, err := s.read(ctx, kindFirst, "", &f)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var c changes
	c.remove(kindFirst, "", version)
	return s.write(ctx, &c)
}

// drop removes all items of a kind and returns how many there were.
func (s *Service) drop(ctx context.Context, kind string) (int, error) {
	return s.each(ctx, kind, func(c *changes, i store.Item) (bool, error) {
		c.remove(kind, i.ID, i.Version)
		return true, nil
	})
}

func (s *Service) endAll(ctx context.Context, why string) (sessions, grants int, err error) {
	if sessions, err = s.drop(ctx, kindSession); err != nil {
		return sessions, 0, err
	}
	for _, kind := range []string{kindPending, kindRequest, kindLaunch, kindCode, kindAccess, kindRefresh, kindGlass, kindInvitation} {
		if _, err := s.drop(ctx, kind); err != nil {
			return sessions, grants, err
		}
	}
	grants, err = s.each(ctx, kindGrant, func(c *changes, i store.Item) (bool, error) {
		g := &Grant{Version: i.Version}
		if err := decode(i, g); err != nil || !g.Live(s.now()) {
			return false, err
		}
		g.Revoked, g.Why = s.now(), why
		g.put(c)
		return true, nil
	})
	return sessions, grants, err
}
