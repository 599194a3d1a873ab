package identity

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// OutsideAccount is a user's account at an outside provider.
type OutsideAccount struct {
	ID      string    `json:"-"`
	UserID  string    `json:"user"`
	Issuer  string    `json:"issuer"`
	Subject string    `json:"subject"`
	Name    string    `json:"name,omitempty"` // as the provider called it when it was linked
	Linked  time.Time `json:"linked"`
}

const kindOutsideAccount = "outside-account" // by hash of issuer and subject

func (c *changes) putOutsideAccount(o OutsideAccount) {
	c.put(kindOutsideAccount, o.ID, 0, o, time.Time{}, store.ItemKey{Name: "user", Value: o.UserID})
}

// outsideUser finds the user of an account by issuer and subject, by nothing
// else, or links or makes one; ErrConflict when somebody else just did.
func (s *Service) outsideUser(ctx context.Context, p *Provider, o *outside, who *idClaims) (*account, error) {
	link := OutsideAccount{
		ID: hashed(who.Issuer + "\n" + who.Subject), UserID: o.User, Issuer: who.Issuer, Subject: who.Subject,
		Name: shorten(cmp.Or(who.Login, who.Email, who.Name), maxName), Linked: s.now(),
	}
	var is OutsideAccount
	_, err := s.read(ctx, kindOutsideAccount, link.ID, &is)
	switch {
	case err == nil && o.User != "" && o.User != is.UserID:
		return nil, ErrLinked
	case err == nil:
		return s.account(ctx, is.UserID)
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	var c changes
	switch {
	case o.User != "":
		a, err := s.account(ctx, o.User)
		if err != nil {
			return nil, err
		}
		if a.user.Disabled || a.user.Generation != o.Generation {
			return nil, ErrSession
		}
		c.putOutsideAccount(link)
		c.putUser(a.user, a.user.Version) // who still has to be as read
		return a, s.write(ctx, &c)
	case !p.Create:
		return nil, ErrUnlinked
	}
	a := &account{user: &User{Name: shorten(cmp.Or(who.Name, who.Login, who.Email), maxName), Roles: p.Roles}}
	a.user.Login, err = s.freeLogin(ctx, who.Login, who.Email, p.ID+"-"+link.ID[:12])
	if errors.Is(err, errNoFreeLogin) {
		if _, late := s.read(ctx, kindOutsideAccount, link.ID, &is); !errors.Is(late, ErrNotFound) {
			return nil, cmp.Or(late, ErrConflict) // another first sign-in of the account took the login
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.addUser(&c, a); err != nil {
		return nil, err
	}
	link.UserID = a.user.ID
	c.putOutsideAccount(link)
	return a, s.write(ctx, &c)
}

var errNoFreeLogin = fault.New(fault.Conflict, fault.CodeDuplicate, "login", "all logins that the provider gives are taken")

// freeLogin is the first of some logins that nobody has, or errNoFreeLogin.
func (s *Service) freeLogin(ctx context.Context, logins ...string) (string, error) {
	for _, login := range logins {
		if _, err := canonicalLogin(login); err != nil {
			continue
		}
		if _, err := s.UserByLogin(ctx, login); errors.Is(err, ErrNotFound) {
			return login, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", errNoFreeLogin
}

// OutsideAccounts lists a user's accounts at outside providers.
func (s *Service) OutsideAccounts(ctx context.Context, user string) ([]OutsideAccount, error) {
	const most = 100
	items, err := s.config.Store.FindItems(ctx, kindOutsideAccount, store.ItemKey{Name: "user", Value: user}, "", most)
	all := make([]OutsideAccount, len(items))
	for n, i := range items {
		if err == nil {
			err = decode(i, &all[n])
			all[n].ID = i.ID
		}
	}
	return all, err
}

// UnlinkOutside removes an account from a user, whose sessions and grants end;
// ErrNotFound.
func (s *Service) UnlinkOutside(ctx context.Context, user, id string) error {
	return again(func() error {
		var is OutsideAccount
		version, err := s.read(ctx, kindOutsideAccount, id, &is)
		if err == nil && is.UserID != user {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		u, err := s.User(ctx, user)
		if err != nil {
			return err
		}
		var c changes
		c.remove(kindOutsideAccount, id, version)
		c.end(u)
		c.putUser(u, u.Version)
		return s.write(ctx, &c)
	})
}
