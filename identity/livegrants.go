package identity

import (
	"context"
	"errors"
)

// LiveGrants are those of Grants of which something is still good: neither ended
// nor expired, the user unchanged since, and the session still there if the grant
// does not outlive it.
func (s *Service) LiveGrants(ctx context.Context, user string) ([]*Grant, error) {
	all, err := s.Grants(ctx, user)
	if err != nil {
		return nil, err
	}
	live := all[:0]
	for _, g := range all {
		_, _, err := s.liveGrant(ctx, g.ID)
		if _, ended := errors.AsType[*Refused](err); ended {
			continue
		}
		if err != nil {
			return nil, err
		}
		live = append(live, g)
	}
	return live, nil
}
