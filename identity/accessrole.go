package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/store"
)

// kindAccessRole is what an administrator made of a role, by its name.
const kindAccessRole = "access-role"

// AccessRoles are what the roles of those who work here allow: as shipped, or as an
// administrator changed them, in the order of the shipped ones.
func (s *Service) AccessRoles(ctx context.Context) ([]access.Role, error) {
	roles := access.ShippedRoles()
	for i := range roles {
		var changed access.Role
		_, err := s.read(ctx, kindAccessRole, roles[i].Name, &changed)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, err
		default:
			roles[i] = changed
		}
	}
	return roles, nil
}

// AccessRole is one of AccessRoles; ErrNotFound.
func (s *Service) AccessRole(ctx context.Context, name string) (access.Role, error) {
	roles, err := s.AccessRoles(ctx)
	if err != nil {
		return access.Role{}, err
	}
	if i := slices.IndexFunc(roles, func(r access.Role) bool { return r.Name == name }); i >= 0 {
		return roles[i], nil
	}
	return access.Role{}, ErrNotFound
}

// SetAccessRole replaces what a role allows, which access.Ownership.CheckRole found
// right. It holds at the next request, in every process. A name that is none of
// AccessRoles is ErrNotFound.
func (s *Service) SetAccessRole(ctx context.Context, r access.Role) error {
	if _, err := s.AccessRole(ctx, r.Name); err != nil {
		return err
	}
	c := changes{epoch: true}
	c.put(kindAccessRole, r.Name, store.Any, r, time.Time{})
	return s.write(ctx, &c)
}

// ResetAccessRole makes a role what it was when the server was new.
func (s *Service) ResetAccessRole(ctx context.Context, name string) error {
	c := changes{epoch: true}
	c.remove(kindAccessRole, name, store.Any)
	return s.write(ctx, &c)
}
