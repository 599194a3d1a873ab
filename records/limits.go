package records

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// Limits are those of the tenant. They are never nil.
func (d *Door) Limits() *limits.Limiter { return d.limits }

// LimitRules are the rules of a tenant.
type LimitRules struct {
	limits.Set               // those that were set
	Default    []limits.Rule // those of a server where none was set
}

// Defaults are the default rules that hold, since none was set for the same.
func (r LimitRules) Defaults() []limits.Rule {
	return slices.DeleteFunc(slices.Clone(r.Default), func(d limits.Rule) bool {
		return slices.ContainsFunc(r.Rules, func(own limits.Rule) bool { return own.Place() == d.Place() })
	})
}

// MayExport refuses to begin an export while who exports owes more than there may be on
// a day: the error is Throttled, and wait says for how long.
func (s *Session) MayExport() (wait time.Duration, err error) {
	for _, m := range []limits.Meter{limits.Exported, limits.ExportedBytes} {
		if v := s.door.limits.Take(m, s.who(), 0); v.Refused {
			return v.Wait, fault.New(fault.Throttled, fault.CodeThrottled, "", "no more can be exported for now: there is a limit to %s", v.Reason())
		}
	}
	return 0, nil
}

// CountExport counts what an export that was begun has written.
func (s *Session) CountExport(resources, bytes int64) {
	s.door.limits.Charge(limits.Exported, s.who(), resources)
	s.door.limits.Charge(limits.ExportedBytes, s.who(), bytes)
}

// who is whom things count for.
func (s *Session) who() limits.Who {
	who := limits.Who{App: s.principal.Client}
	if s.principal.ID != who.App {
		who.User = s.principal.ID
	}
	return who
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
// form. It is in force in every process within two seconds. Its ID is that of an app or
// a user there is, or the name by which a user signs in; Unprocessable otherwise.
func (s *Session) SetLimit(ctx context.Context, r limits.Rule) (limits.Rule, error) {
	if err := s.operate(access.Limit, smart.Update); err != nil {
		return r, err
	}
	r, err := r.Check()
	if err != nil {
		return r, fault.Wrap(err, fault.Unprocessable, fault.CodeValue, "", "the limit: %v", err)
	}
	if r.ID, err = s.whoIsLimited(ctx, r); fault.KindOf(err) == fault.NotFound && err != nil {
		return r, fault.Wrap(err, fault.Unprocessable, fault.CodeValue, "", "%v", err)
	} else if err != nil {
		return r, s.door.fault(err)
	}
	r, err = s.door.limits.Put(ctx, r, s.principal.display())
	return r, s.door.fault(err)
}

// whoIsLimited is the id of whom a rule is about; NotFound.
func (s *Session) whoIsLimited(ctx context.Context, r limits.Rule) (string, error) {
	switch {
	case r.ID == "":
	case r.Scope == limits.User:
		return identity.UserNamed(ctx, s.door.store, r.ID)
	case r.Scope == limits.App:
		return identity.ClientNamed(ctx, s.door.store, r.ID)
	}
	return r.ID, nil
}

// RemoveLimit removes the rule for the same as r; NotFound when there is none. Whom it is
// about need not be there any more.
func (s *Session) RemoveLimit(ctx context.Context, r limits.Rule) error {
	if err := s.operate(access.Limit, smart.Update); err != nil {
		return err
	}
	if id, err := s.whoIsLimited(ctx, r); err == nil {
		r.ID = id
	} else if fault.KindOf(err) != fault.NotFound {
		return s.door.fault(err)
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
