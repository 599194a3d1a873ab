package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Invitation is a link by which a user sets a password, once and within a day:
// the first one, or a new one in place of one forgotten.
type Invitation struct {
	UserID  string    `json:"user"`
	Reset   bool      `json:"reset,omitempty"` // the user had a password
	Expires time.Time `json:"expires"`
	User    *User     `json:"-"`

	version int64
}

const kindInvitation = "invitation" // by hash of the secret

// Invite makes a link for a user and returns its secret. Earlier ones stay good
// until one of them is used.
func (s *Service) Invite(ctx context.Context, user string) (secret string, err error) {
	a, err := s.account(ctx, user)
	if err != nil {
		return "", err
	}
	secret = newSecret(linkPrefix)
	i := Invitation{UserID: user, Reset: a.has.Password != "", Expires: s.now().Add(linkLife)}
	var c changes
	c.put(kindInvitation, hashed(secret), 0, i, i.Expires, store.ItemKey{Name: "user", Value: user})
	return secret, s.write(ctx, &c)
}

// Invitation reads the link of a secret without using it; ErrLink, ErrDisabled.
func (s *Service) Invitation(ctx context.Context, secret string) (*Invitation, error) {
	i := &Invitation{}
	if !strings.HasPrefix(secret, linkPrefix) {
		return nil, ErrLink
	}
	version, err := s.read(ctx, kindInvitation, hashed(secret), i)
	i.version = version
	if errors.Is(err, ErrNotFound) || err == nil && !s.fresh(i.Expires, linkLife) {
		return nil, ErrLink
	}
	if err != nil {
		return nil, err
	}
	if i.User, err = s.User(ctx, i.UserID); err != nil {
		return nil, err
	}
	if i.User.Disabled {
		return nil, ErrDisabled
	}
	return i, nil
}

// AcceptInvitation sets the user's password, ends all sessions, grants and
// invitations of the user, and signs the user in. ErrLink, ErrDisabled.
func (s *Service) AcceptInvitation(ctx context.Context, secret, password string, from Origin) (*SignIn, error) {
	i, err := s.Invitation(ctx, secret)
	if err != nil {
		return nil, err
	}
	if err := CheckPassword(i.User.Login, password); err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	var a *account
	err = again(func() error {
		if i, err = s.Invitation(ctx, secret); err != nil {
			return err
		}
		if a, err = s.account(ctx, i.UserID); err != nil {
			return err
		}
		a.has.setPassword(hash)
		const most = 1000
		links, err := s.config.Store.FindItems(ctx, kindInvitation, store.ItemKey{Name: "user", Value: i.UserID}, "", most)
		if err != nil {
			return err
		}
		var c changes
		c.remove(kindInvitation, hashed(secret), i.version) // which fails if another process was faster
		for _, l := range links {
			if l.ID != hashed(secret) {
				c.remove(kindInvitation, l.ID, store.Any)
			}
		}
		c.end(a.user)
		c.putUser(a.user, a.user.Version)
		c.putCredentials(a)
		return s.write(ctx, &c)
	})
	if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, a, []string{MethodPassword}, s.counting(tried{}, a, from))
}
