package identity

import (
	"context"
	"errors"
	"slices"
)

// Methods of signing in, as RFC 8176 names them, for the claim amr.
const (
	MethodPassword = "pwd"
	MethodOTP      = "otp" // a TOTP or recovery code
	MethodPasskey  = "pop"
	MethodPresence = "user" // the passkey's device knows its user, by PIN or finger
	MethodOutside  = "fed"  // not of the RFC: through another provider
	MethodMulti    = "mfa"  // more than one factor
)

func hasSecondFactor(methods []string) bool { return slices.Contains(methods, MethodMulti) }

// Factor is what can follow a password.
type Factor string

// The factors.
const (
	FactorCode    Factor = "code"    // a TOTP or recovery code: SecondFactor
	FactorPasskey Factor = "passkey" // BeginPasskeySignIn
	FactorEnrol   Factor = "enrol"   // the user has none and has to set up TOTP first: EnrolTOTP
)

// SignIn is a sign-in, complete or waiting for a second factor.
type SignIn struct {
	User    *User
	Methods []string // so far
	// Pending is "" when it is complete: make a session. Otherwise it stands for
	// the sign-in, in a cookie, until a factor of Factors was given.
	Pending string
	Factors []Factor

	complete bool
}

// SignIn checks a login and password. ErrCredentials when they do not belong
// together, which takes as long whether or not the login exists; ErrDisabled
// when they do but the user is disabled; a *WaitError when too many failed for
// the login or from the address; ErrBusy.
func (s *Service) SignIn(ctx context.Context, login, password string, from Origin) (_ *SignIn, err error) {
	defer s.counts.signIn("password", &err)
	key := loginKey(login)
	t, err := s.begin(ctx, key, from)
	if err != nil {
		return nil, err
	}
	// Nobody is read like somebody.
	var l loginItem
	if _, err := s.read(ctx, kindLogin, key, &l); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	a, err := s.account(ctx, l.User)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	hash := ""
	if a != nil {
		hash = a.has.Password
	}
	ok, stale, err := s.hasher.verify(ctx, password, hash)
	switch {
	case err != nil:
		return nil, err
	case !ok || hash == "":
		return nil, ErrCredentials
	case stale:
		if err := s.rehash(ctx, a, password); err != nil {
			return nil, err
		}
	}
	return s.signedIn(ctx, a, []string{MethodPassword}, t)
}

// loginKey is what a login's attempts are counted by: its canonical form, or,
// of what cannot be a login, a hash, which is no login either.
func loginKey(login string) string {
	if canonical, err := canonicalLogin(login); err == nil {
		return canonical
	}
	return hashed(login)
}

// rehash replaces a password's hash by one of the present cost, unless the
// password has just been changed.
func (s *Service) rehash(ctx context.Context, a *account, password string) error {
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	a.has.Password = hash
	var c changes
	c.putCredentials(a)
	if err := s.write(ctx, &c); !errors.Is(err, ErrConflict) {
		return err
	}
	return nil
}

// signedIn completes a sign-in by methods, or has it wait for a second factor.
func (s *Service) signedIn(ctx context.Context, a *account, methods []string, t tried) (*SignIn, error) {
	s.refund(t)
	if a.user.Disabled {
		return nil, ErrDisabled
	}
	in := &SignIn{User: a.user, Methods: methods}
	required, err := s.secondFactorRequired(ctx, a.user)
	if err != nil {
		return nil, err
	}
	// Who has a passkey beside a password did not thereby ask for both.
	if hasSecondFactor(methods) || !required && a.has.TOTP == nil {
		in.complete = true
		return in, s.succeeded(ctx, t)
	}
	in.Factors = a.factors()
	in.Pending = newSecret(pendingPrefix)
	p := pending{
		User: a.user.ID, Generation: a.user.Generation, Methods: methods,
		Enrol: slices.Contains(in.Factors, FactorEnrol), Expires: s.now().Add(pendingLife),
	}
	var c changes
	c.put(kindPending, hashed(in.Pending), 0, p, p.Expires)
	return in, s.write(ctx, &c)
}

func (a *account) factors() (all []Factor) {
	if a.has.TOTP != nil {
		all = append(all, FactorCode)
	}
	if len(a.has.Passkeys) > 0 {
		all = append(all, FactorPasskey)
	}
	if len(all) == 0 {
		all = append(all, FactorEnrol)
	}
	return all
}
