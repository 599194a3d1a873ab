package records

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// Limits are those of the tenant. They are never nil.
func (d *Door) Limits() *limits.Limiter { return d.limits }

// LimitRules are the rules of a tenant.
type LimitRules struct {
	limits.Set               // those that were set
	Default    []limits.Rule // those that hold where none is set
}

// Limits returns the rules that are in force, for administrators.
func (s *Session) Limits(ctx context.Context) (LimitRules, error) {
	if err := s.operate(access.Limit, smart.Read); err != nil {
		return LimitRules{}, err
	}
	set, err := s.door.limits.Own(ctx)
	return LimitRules{set, s.door.limits.Default()}, s.door.fault(err)
}

// SetLimit sets a rule in the place of the one for the same, and returns it in its one
// form. It is in force in every process within two seconds.
func (s *Session) SetLimit(ctx context.Context, r limits.Rule) (limits.Rule, error) {
	if err := s.operate(access.Limit, smart.Update); err != nil {
		return r, err
	}
	r, err := r.Check()
	if err != nil {
		return r, fault.Wrap(err, fault.Unprocessable, fault.CodeValue, "", "the limit: %v", err)
	}
	r, err = s.door.limits.Put(ctx, r, s.principal.display())
	return r, s.door.fault(err)
}

// RemoveLimit removes the rule for the same as r; NotFound when there is none.
func (s *Session) RemoveLimit(ctx context.Context, r limits.Rule) error {
	if err := s.operate(access.Limit, smart.Update); err != nil {
		return err
	}
	err := s.door.limits.Remove(ctx, r, s.principal.display())
	if errors.Is(err, limits.ErrNoRule) {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "no rule was set for %s, so there is none to remove: what holds is the default", r.About())
	}
	return s.door.fault(err)
}

// LimitUses are up to limit of the limits that were used last, and who was refused
// lately, by what all processes told.
func (s *Session) LimitUses(ctx context.Context, limit int) ([]limits.Use, error) {
	if err := s.operate(access.Limit, smart.Read); err != nil {
		return nil, err
	}
	uses, err := s.door.limits.Uses(ctx, limit)
	return uses, s.door.fault(err)
}
