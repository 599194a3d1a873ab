package identity

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Restored ends, in a store that was put back from a backup, all that somebody may
// have ended since it was taken: sessions, grants with their tokens, launches,
// invitations and broken glass. Users sign in anew, and are asked anew for their apps; backend
// services ask for another token. It returns how many sessions and grants ended.
// Nobody else may have the store open.
func Restored(ctx context.Context, s store.Identity, now time.Time) (sessions, grants int, err error) {
	in := &Service{config: Config{Store: s, Clock: func() time.Time { return now }}}
	drop := func(kind string) (int, error) {
		return in.each(ctx, kind, func(c *changes, i store.Item) (bool, error) {
			c.remove(kind, i.ID, i.Version)
			return true, nil
		})
	}
	if sessions, err = drop(kindSession); err != nil {
		return sessions, 0, err
	}
	for _, kind := range []string{kindPending, kindRequest, kindLaunch, kindCode, kindAccess, kindRefresh, kindGlass, kindInvitation} {
		if _, err := drop(kind); err != nil {
			return sessions, grants, err
		}
	}
	grants, err = in.each(ctx, kindGrant, func(c *changes, i store.Item) (bool, error) {
		g := &Grant{Version: i.Version}
		if err := decode(i, g); err != nil || !g.Live(in.now()) {
			return false, err
		}
		g.Revoked, g.Why = in.now(), "the records were put back from a backup"
		g.put(c)
		return true, nil
	})
	return sessions, grants, err
}
