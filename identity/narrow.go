package identity

import (
	"context"

	"github.com/inglehealth/ingle/spec/smart"
)

// NarrowGrant leaves of what a user allowed, and of all that was given later without
// asking because of it, only what lies within some scopes. It holds in every process at
// its next request, for tokens issued before, too; the app that asks for more has the
// user asked. ErrNoGrant when there is no such grant, or it has ended.
func (s *Service) NarrowGrant(ctx context.Context, id string, to smart.Scopes) error {
	return again(func() error {
		g, err := s.Grant(ctx, id)
		if err != nil {
			return err
		}
		if !g.Live(s.now()) {
			return ErrNoGrant
		}
		all, err := s.Grants(ctx, g.User)
		if err != nil {
			return err
		}
		w := changes{epoch: true}
		for _, one := range all {
			if one.ID == id || one.Consent == id {
				one.Scopes = one.Scopes.Within(to)
				one.put(&w)
			}
		}
		return s.write(ctx, &w)
	})
}
