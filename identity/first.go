package identity

import (
	"context"
	"errors"
	"slices"
	"time"
)

// The first administrator. There is no default password: whoever starts the
// server gets a link, which makes one user and then none anymore.
const (
	kindFirst = "first"
	linkLife  = 24 * time.Hour
	maxFirst  = 20 // links at a time; each start of each process makes one
)

// first is the one item of kindFirst.
type first struct {
	Done  bool       `json:"done,omitempty"`
	Links []hashLink `json:"links,omitempty"`
}

type hashLink struct {
	Hash    string    `json:"hash"`
	Expires time.Time `json:"expires"`
}

// FirstLink returns the secret of a new link with which AcceptFirst makes the
// first administrator, within a day; "" when there is an administrator, or such a
// link was used.
func (s *Service) FirstLink(ctx context.Context) (secret string, err error) {
	err = again(func() error {
		secret = ""
		var f first
		version, err := s.read(ctx, kindFirst, "", &f)
		if err != nil && !errors.Is(err, ErrNotFound) || f.Done {
			return err
		}
		there, err := s.UsersWithRole(ctx, Administrator, "", 1)
		if err != nil || len(there) > 0 {
			return err
		}
		secret = newSecret(linkPrefix)
		f.Links = slices.DeleteFunc(f.Links, func(l hashLink) bool { return !s.fresh(l.Expires, linkLife) })
		f.Links = append(f.Links, hashLink{hashed(secret), s.now().Add(linkLife)})
		f.Links = f.Links[max(0, len(f.Links)-maxFirst):]
		var c changes
		c.put(kindFirst, "", version, f, time.Time{})
		return s.write(ctx, &c)
	})
	return secret, err
}

// CheckFirst says whether AcceptFirst would take a secret: ErrLink if not.
func (s *Service) CheckFirst(ctx context.Context, secret string) error {
	_, _, err := s.first(ctx, secret)
	return err
}

func (s *Service) first(ctx context.Context, secret string) (f first, version int64, err error) {
	version, err = s.read(ctx, kindFirst, "", &f)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return f, 0, err
	}
	there, err := s.UsersWithRole(ctx, Administrator, "", 1)
	if err != nil {
		return f, 0, err
	}
	hash := hashed(secret)
	if f.Done || len(there) > 0 || !slices.ContainsFunc(f.Links, func(l hashLink) bool { return l.Hash == hash && s.fresh(l.Expires, linkLife) }) {
		return f, 0, ErrLink
	}
	return f, version, nil
}

// AcceptFirst makes the first administrator of a FirstLink's secret, with the
// login and name of u, and signs it in. All first links are void then; ErrLink.
func (s *Service) AcceptFirst(ctx context.Context, secret string, u User, password string, from Origin) (*SignIn, error) {
	_, version, err := s.first(ctx, secret)
	if err != nil {
		return nil, err
	}
	if err := CheckPassword(u.Login, password); err != nil {
		return nil, err
	}
	a := &account{user: &User{Login: u.Login, Name: u.Name, Roles: []Role{Administrator}}}
	if a.has.Password, err = s.hasher.hash(ctx, password); err != nil {
		return nil, err
	}
	if err := s.checkFree(ctx, u.Login); err != nil {
		return nil, err
	}
	var c changes
	if err := s.addUser(&c, a); err != nil {
		return nil, err
	}
	c.put(kindFirst, "", version, first{Done: true}, time.Time{})
	if err := s.write(ctx, &c); errors.Is(err, ErrConflict) {
		return nil, ErrLink
	} else if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, a, []string{MethodPassword}, s.counting(tried{}, a, from))
}
