package records

import (
	"context"
	"fmt"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// SetAccessRole replaces what a role allows, or adds a role; it holds at the next
// request, in every process. Filters may have the search parameters that the tenant
// has: those of its releases, of packages, and stored ones. Only sessions that are
// allowed everything may.
func (s *Session) SetAccessRole(ctx context.Context, r access.Role) error {
	if s.access != nil {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "roles are set by the administration of the server")
	}
	if err := s.door.checkRole(ctx, &r); err != nil {
		return s.door.fault(err)
	}
	return s.door.fault(identity.SetAccessRole(ctx, s.door.store, r))
}

// checkRole says what is wrong with a role: as Ownership has it, or since not all
// resources are indexed by what its filters ask.
func (d *Door) checkRole(ctx context.Context, r *access.Role) error {
	if err := d.indexes.refresh(ctx); err != nil {
		return err
	}
	if err := d.ownership.CheckRole(r); err != nil {
		return err
	}
	for i, rule := range r.Rules {
		if rule.Filter == "" {
			continue
		}
		for _, t := range rule.Types {
			x, err := d.ownership.Restriction(smart.Scope{Level: smart.User, Type: t, Interactions: smart.Read, Query: rule.Filter})
			if err != nil {
				return err
			}
			if lacking := d.indexes.lacking(func() []search.Param { return search.ParamsOf(x) }); len(lacking) > 0 {
				return fault.New(fault.Conflict, fault.CodeConflict, fmt.Sprintf("rules[%d].filter", i), "%s; set the role again when it is done", lacking[0])
			}
		}
	}
	return nil
}
