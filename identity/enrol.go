package identity

import (
	"context"
	"slices"
)

// EnrolTOTP is BeginTOTP during a sign-in whose Factors have FactorEnrol;
// ErrPending for others.
func (s *Service) EnrolTOTP(ctx context.Context, token string) (*TOTPKey, error) {
	p, a, _, err := s.pending(ctx, token)
	if err != nil {
		return nil, err
	}
	if !p.Enrol || !slices.Contains(a.factors(), FactorEnrol) {
		return nil, ErrPending
	}
	return s.BeginTOTP(ctx, p.User)
}

// EnrolledTOTP is ConfirmTOTP during a sign-in, which it completes.
func (s *Service) EnrolledTOTP(ctx context.Context, token, code string, from Origin) (in *SignIn, recovery []string, err error) {
	p, a, version, err := s.pending(ctx, token)
	if err != nil {
		return nil, nil, err
	}
	if !p.Enrol || !slices.Contains(a.factors(), FactorEnrol) {
		return nil, nil, ErrPending
	}
	t, err := s.begin(ctx, loginKey(a.user.Login), from)
	if err != nil {
		return nil, nil, err
	}
	if recovery, err = s.confirm(a, code); err != nil {
		return nil, nil, err
	}
	in, err = s.finishPending(ctx, token, version, p, a, MethodOTP, t)
	return in, recovery, err
}
