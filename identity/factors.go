package identity

import "context"

// Credentials says what a user can sign in with.
type Credentials struct {
	Password bool
	TOTP     bool
	Recovery int // codes that were not used yet
	Passkeys []Passkey
}

// Credentials reads what a user can sign in with; ErrNotFound.
func (s *Service) Credentials(ctx context.Context, user string) (Credentials, error) {
	a, err := s.account(ctx, user)
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{Password: a.has.Password != "", TOTP: a.has.TOTP != nil, Recovery: len(a.has.Recovery)}
	for _, p := range a.has.Passkeys {
		c.Passkeys = append(c.Passkeys, p.Passkey)
	}
	return c, nil
}

// RemoveFactors takes the authenticator app, the recovery codes and the passkeys
// from a user who has lost them, or from whom they were stolen. Sessions and grants
// end.
func (s *Service) RemoveFactors(ctx context.Context, user string) error {
	return s.change(ctx, user, true, func(a *account) error {
		a.has.TOTP, a.has.Offered, a.has.Recovery, a.has.Passkeys = nil, nil, nil, nil
		return nil
	})
}

// HasPasskeys says whether browsers have passkeys for this server.
func (s *Service) HasPasskeys() bool { return s.passkeys != nil }
