package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	kindPending = "pending" // by hash of SignIn.Pending
	pendingLife = 10 * time.Minute
)

// pending is a sign-in that waits for its second factor.
type pending struct {
	User       string    `json:"user"`
	Generation int64     `json:"generation"`
	Methods    []string  `json:"methods"`
	Enrol      bool      `json:"enrol,omitempty"`
	Expires    time.Time `json:"expires"`
}

// PendingSignIn returns what SignIn returned with Pending, for the page that
// asks for the second factor; ErrPending.
func (s *Service) PendingSignIn(ctx context.Context, token string) (*SignIn, error) {
	p, a, _, err := s.pending(ctx, token)
	if err != nil {
		return nil, err
	}
	return &SignIn{User: a.user, Methods: p.Methods, Pending: token, Factors: a.factors()}, nil
}

// pending reads a sign-in that waits, and its version; ErrPending also when the
// user has changed since.
func (s *Service) pending(ctx context.Context, token string) (*pending, *account, int64, error) {
	if !strings.HasPrefix(token, pendingPrefix) {
		return nil, nil, 0, ErrPending
	}
	p := &pending{}
	version, err := s.read(ctx, kindPending, hashed(token), p)
	if errors.Is(err, ErrNotFound) || err == nil && !s.fresh(p.Expires, pendingLife) {
		return nil, nil, 0, ErrPending
	}
	if err != nil {
		return nil, nil, 0, err
	}
	a, err := s.account(ctx, p.User)
	if err != nil {
		return nil, nil, 0, err
	}
	if a.user.Disabled || a.user.Generation != p.Generation {
		return nil, nil, 0, ErrPending
	}
	return p, a, version, nil
}

// fresh says whether what lives for life and expires at a time is still good.
// What expires later than that was made by a clock that was wrong.
func (s *Service) fresh(expires time.Time, life time.Duration) bool {
	left := expires.Sub(s.now())
	return left > 0 && left <= life+maxSkew
}

// SecondFactor completes a sign-in by a TOTP or recovery code. ErrCode, a
// *WaitError, ErrPending.
func (s *Service) SecondFactor(ctx context.Context, token, code string, from Origin) (_ *SignIn, err error) {
	defer s.counts.signIn("second-factor", &err)
	p, a, version, err := s.pending(ctx, token)
	if err != nil {
		return nil, err
	}
	t, err := s.begin(ctx, loginKey(a.user.Login), from)
	if err != nil {
		return nil, err
	}
	if err := s.useCode(a, code); err != nil {
		return nil, err
	}
	return s.finishPending(ctx, token, version, p, a, MethodOTP, t)
}

// finishPending writes credentials, of which something was used up, and ends the
// wait of a sign-in, both or none: no code and no passkey's answer serves twice;
// ErrCode or, of a passkey, ErrPasskey.
func (s *Service) finishPending(ctx context.Context, token string, version int64, p *pending, a *account, method string, t tried) (*SignIn, error) {
	var c changes
	c.putCredentials(a)
	c.remove(kindPending, hashed(token), version)
	t.clear(&c)
	if err := s.write(ctx, &c); errors.Is(err, ErrConflict) && method == MethodPasskey {
		return nil, fmt.Errorf("%w: the user was changed at the same time; start again", ErrPasskey)
	} else if errors.Is(err, ErrConflict) {
		return nil, ErrCode
	} else if err != nil {
		return nil, err
	}
	s.refund(t)
	return &SignIn{User: a.user, Methods: append(p.Methods, method, MethodMulti), complete: true}, nil
}
