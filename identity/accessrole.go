package identity

import (
	"context"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// kindAccessRole is what an administrator made of a role, by its name.
const kindAccessRole = "access-role"

// AccessRoles are what the roles of those who work here allow: as shipped, or as an
// administrator changed them, then those that an administrator added, by name.
func (s *Service) AccessRoles(ctx context.Context) ([]access.Role, error) {
	roles := access.ShippedRoles()
	shipped := len(roles)
	err := s.walk(ctx, kindAccessRole, nil, func(i store.Item) error {
		var r access.Role
		if err := decode(i, &r); err != nil {
			return err
		}
		at := slices.IndexFunc(roles[:shipped], func(one access.Role) bool { return one.Name == r.Name })
		if at < 0 {
			roles = append(roles, r)
		} else {
			roles[at] = r
		}
		return nil
	})
	return roles, err
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

// SetAccessRole replaces what a role allows, or adds a role of those who work here,
// among the items of a tenant; access.Ownership.CheckRole found it right. It holds at
// the next request, in every process.
func SetAccessRole(ctx context.Context, items store.Identity, r access.Role) error {
	if !Role(r.Name).Staff() {
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "name", "what users with the role %s may do is not set by rules of a role", r.Name)
	}
	c := changes{epoch: true}
	c.put(kindAccessRole, r.Name, store.Any, r, time.Time{})
	if c.err != nil {
		return c.err
	}
	return items.WriteItems(ctx, true, c.list...)
}

// ResetAccessRole makes a role what it was when the server was new: one that an
// administrator added goes, which is a Conflict while a user has it. ErrNotFound for a
// name that is no role.
func (s *Service) ResetAccessRole(ctx context.Context, name string) error {
	if _, err := s.AccessRole(ctx, name); err != nil {
		return err
	}
	if !slices.Contains(Roles(), Role(name)) {
		users, err := s.UsersWithRole(ctx, Role(name), "", 1)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return fault.New(fault.Conflict, fault.CodeConflict, "", "%s has the role %s: give users another one first", users[0].Login, name)
		}
	}
	c := changes{epoch: true}
	c.remove(kindAccessRole, name, store.Any)
	return s.write(ctx, &c)
}

// AllRoles are Roles and those that an administrator added.
func (s *Service) AllRoles(ctx context.Context) ([]Role, error) {
	all := Roles()
	added, err := s.AccessRoles(ctx)
	for _, r := range added {
		if !slices.Contains(all, Role(r.Name)) {
			all = append(all, Role(r.Name))
		}
	}
	return all, err
}

// checkRoles says which of some roles there is not.
func (s *Service) checkRoles(ctx context.Context, roles []Role) error {
	all := Roles()
	for i, r := range roles {
		if !slices.Contains(all, r) {
			var err error
			if all, err = s.AllRoles(ctx); err != nil {
				return err
			}
		}
		if !slices.Contains(all, r) {
			return fault.New(fault.Unprocessable, fault.CodeValue, "roles", "%q is no role; there are %v", r, all)
		}
		if slices.Contains(roles[:i], r) {
			return fault.New(fault.Unprocessable, fault.CodeDuplicate, "roles", "the role %s is given twice", r)
		}
	}
	return nil
}
