package identity

import (
	"context"
	"errors"
	"time"
)

const kindCredentials = "credentials" // by user

// credentials are what a user signs in with.
type credentials struct {
	Password string    `json:"password,omitempty"` // PHC format
	TOTP     *totpKey  `json:"totp,omitempty"`
	Offered  *totpKey  `json:"offered,omitempty"`  // shown, and not confirmed by a code yet
	Recovery []string  `json:"recovery,omitempty"` // hashes of the codes not used yet
	Passkeys []passkey `json:"passkeys,omitempty"`
	// Generation is the user's when these were written, or an earlier one: the
	// two are read one after the other.
	Generation int64 `json:"generation"`
}

// account is a user with credentials, as read.
type account struct {
	user    *User
	has     credentials
	version int64 // of the credentials
}

// account reads a user with credentials; ErrNotFound.
func (s *Service) account(ctx context.Context, user string) (a *account, err error) {
	err = again(func() error {
		a, err = s.readAccount(ctx, user)
		return err
	})
	return a, err
}

// readAccount reads the user first, so that a new generation never goes with old
// credentials; ErrConflict when new credentials would go with an old generation.
// Both are read in any case, so that nobody takes as long as somebody.
func (s *Service) readAccount(ctx context.Context, user string) (*account, error) {
	a := &account{}
	u, userErr := s.User(ctx, user)
	version, err := s.read(ctx, kindCredentials, user, &a.has)
	switch {
	case userErr != nil && !errors.Is(userErr, ErrNotFound):
		return nil, userErr
	case err != nil:
		return nil, err
	case userErr != nil:
		return nil, userErr
	case a.has.Generation > u.Generation:
		return nil, ErrConflict
	}
	a.user, a.version = u, version
	return a, nil
}

// putCredentials adds an account's credentials to c.
func (c *changes) putCredentials(a *account) {
	a.has.Generation = max(a.has.Generation, a.user.Generation)
	c.put(kindCredentials, a.user.ID, a.version, a.has, time.Time{}, passkeyKeys(a.has.Passkeys)...)
}

// change edits a user's credentials; with end it ends sessions and grants, too.
// It is tried again when something came between, so that f may run repeatedly.
func (s *Service) change(ctx context.Context, user string, end bool, f func(*account) error) error {
	return again(func() error {
		a, err := s.account(ctx, user)
		if err != nil {
			return err
		}
		if err := f(a); err != nil {
			return err
		}
		var c changes
		if end {
			c.end(a.user)
			c.putUser(a.user, a.user.Version)
		}
		c.putCredentials(a)
		return s.write(ctx, &c)
	})
}

// SetPassword gives a user a password and ends all sessions and grants of the
// user. A password that breaks a rule is a *fault.Error.
func (s *Service) SetPassword(ctx context.Context, user, password string) error {
	return s.SetPasswordOf(ctx, []string{user}, password)
}

// SetPasswordOf is SetPassword of users who share a password, as those of a sandbox
// do: it is hashed once, so that what the database holds tells that they share it.
func (s *Service) SetPasswordOf(ctx context.Context, users []string, password string) error {
	for _, id := range users {
		u, err := s.User(ctx, id)
		if err != nil {
			return err
		}
		if err := CheckPassword(u.Login, password); err != nil {
			return err
		}
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	for _, id := range users {
		err := s.change(ctx, id, true, func(a *account) error {
			a.has.setPassword(hash)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// setPassword also drops what a session that ends with the old password had
// begun to add.
func (c *credentials) setPassword(hash string) { c.Password, c.Offered = hash, nil }

// ChangePassword is SetPassword by the user of a session, who proves to know the
// old one; ErrCredentials. All sessions end; the new one takes the place of the
// old. ErrConflict when the user was changed at the same time.
func (s *Service) ChangePassword(ctx context.Context, n *Session, old, password string, from Origin) (cookie string, _ *Session, err error) {
	t, err := s.begin(ctx, loginKey(n.User.Login), from)
	if err != nil {
		return "", nil, err
	}
	a, err := s.account(ctx, n.UserID)
	if err != nil {
		return "", nil, err
	}
	ok, _, err := s.hasher.verify(ctx, old, a.has.Password)
	if err != nil {
		return "", nil, err
	}
	if !ok || a.has.Password == "" || a.user.Generation != n.Generation {
		return "", nil, ErrCredentials
	}
	s.refund(t)
	if err := s.succeeded(ctx, t); err != nil {
		return "", nil, err
	}
	if err := CheckPassword(a.user.Login, password); err != nil {
		return "", nil, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return "", nil, err
	}
	a.has.setPassword(hash)
	var c changes
	c.end(a.user)
	c.putUser(a.user, a.user.Version)
	c.putCredentials(a)
	if err := s.write(ctx, &c); err != nil {
		return "", nil, err
	}
	return s.NewSession(ctx, &SignIn{User: a.user, Methods: n.Methods, complete: true}, from)
}
