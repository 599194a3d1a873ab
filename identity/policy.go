package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Policy is what administrators decide about sign-in and breaking the glass.
type Policy struct {
	// SecondFactor names the roles whose users need a second factor. Who has
	// none sets it up at the next sign-in; sessions without one end.
	SecondFactor []Role `json:"secondFactor,omitempty"`
	// GlassFor is for how long the glass is broken, 5 minutes to a day; 0: GlassFor.
	GlassFor time.Duration `json:"glassFor,omitempty"`
}

const (
	kindPolicy = "policy"
	signInRule = "sign-in"
)

// Policy reads the policy.
func (s *Service) Policy(ctx context.Context) (Policy, error) {
	var p Policy
	if _, err := s.read(ctx, kindPolicy, signInRule, &p); err != nil && !errors.Is(err, ErrNotFound) {
		return Policy{}, err
	}
	return p, nil
}

// SetPolicy replaces the policy.
func (s *Service) SetPolicy(ctx context.Context, p Policy) error {
	if err := s.checkRoles(ctx, p.SecondFactor); err != nil {
		return err
	}
	if p.GlassFor != 0 && (p.GlassFor < 5*time.Minute || p.GlassFor > 24*time.Hour) {
		return fault.New(fault.Unprocessable, fault.CodeValue, "glass", "the glass is broken for 5 minutes to 24 hours, not %v", p.GlassFor)
	}
	c := changes{epoch: true}
	c.put(kindPolicy, signInRule, store.Any, p, time.Time{})
	return s.write(ctx, &c)
}

func (s *Service) secondFactorRequired(ctx context.Context, u *User) (bool, error) {
	p, err := s.Policy(ctx)
	return slices.ContainsFunc(p.SecondFactor, u.Has), err
}
