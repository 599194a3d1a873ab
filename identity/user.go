package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// User is a person.
type User struct {
	ID       string    `json:"id"`    // never changes, names nothing else ever
	Login    string    `json:"login"` // unique, but for case
	Name     string    `json:"name"`  // for people to read
	Roles    []Role    `json:"roles,omitempty"`
	Links    []Link    `json:"links,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Created  time.Time `json:"created"`
	// Generation rises whenever sessions and grants made before must end: at a
	// change of password, of roles, of links, when the user is disabled or a
	// second factor is removed. What was made under another one is void.
	Generation int64 `json:"generation"`
	Version    int64 `json:"-"` // of what was read; UpdateUser expects it
}

// Link ties a user to a resource of the tenant that is the user.
type Link struct {
	Type fhir.Type `json:"type"` // Practitioner, Patient, RelatedPerson or Person
	ID   fhir.ID   `json:"id"`
	// PractitionerRole in which a Practitioner acts; "" for none.
	PractitionerRole fhir.ID `json:"practitionerRole,omitempty"`
}

// Key names the resource.
func (l Link) Key() fhir.Key { return fhir.Key{Type: l.Type, ID: l.ID} }

// Has says whether the user has a role.
func (u *User) Has(r Role) bool { return slices.Contains(u.Roles, r) }

// FHIRUser is the resource that the user is in the claim fhirUser: the first of
// the links, never a PractitionerRole. The zero Key: the user is none.
func (u *User) FHIRUser() fhir.Key {
	if len(u.Links) == 0 {
		return fhir.Key{}
	}
	return u.Links[0].Key()
}

const (
	kindUser  = "user"
	kindLogin = "login" // by canonical login, to make logins unique
)

// loginItem is the body of a login.
type loginItem struct {
	User string `json:"user"`
}

// CreateUser makes a user of Login, Name, Roles and Links; the rest is set. It
// has no password: see SetPassword and Invite. A login that is taken is a
// fault.Error.
func (s *Service) CreateUser(ctx context.Context, u User) (*User, error) {
	if err := s.checkRoles(ctx, u.Roles); err != nil {
		return nil, err
	}
	var c changes
	u.Disabled = false
	if err := s.addUser(&c, &account{user: &u}); err != nil {
		return nil, err
	}
	if err := s.write(ctx, &c); errors.Is(err, ErrConflict) {
		return nil, loginTaken(u.Login)
	} else if err != nil {
		return nil, err
	}
	return &u, nil
}

// addUser completes a new user and adds it to c.
func (s *Service) addUser(c *changes, a *account) error {
	u := a.user
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	u.ID, u.Created, u.Generation, u.Version = id.String(), s.now(), 1, 1
	canonical, err := u.check()
	if err != nil {
		return err
	}
	c.put(kindLogin, canonical, 0, loginItem{u.ID}, time.Time{})
	c.putUser(u, 0)
	c.putCredentials(a)
	return nil
}

func (c *changes) putUser(u *User, expect int64) {
	var keys []store.ItemKey
	for _, r := range u.Roles {
		keys = append(keys, store.ItemKey{Name: "role", Value: string(r)})
	}
	for _, l := range u.Links {
		keys = append(keys, store.ItemKey{Name: "link", Value: l.Key().String()})
	}
	c.put(kindUser, u.ID, expect, u, time.Time{}, keys...)
}

// end raises the generation of a user that is about to be written.
func (c *changes) end(u *User) {
	u.Generation++
	c.epoch = true
}

// User reads a user; ErrNotFound.
func (s *Service) User(ctx context.Context, id string) (*User, error) {
	u := &User{}
	v, err := s.read(ctx, kindUser, id, u)
	if err != nil {
		return nil, fmt.Errorf("user %q: %w", id, err)
	}
	u.Version = v
	return u, nil
}

// UserByLogin finds a user by login, whatever its case; ErrNotFound.
func (s *Service) UserByLogin(ctx context.Context, login string) (*User, error) {
	canonical, err := canonicalLogin(login)
	if err != nil {
		return nil, fmt.Errorf("user %q: %w", login, ErrNotFound)
	}
	var l loginItem
	if _, err := s.read(ctx, kindLogin, canonical, &l); err != nil {
		return nil, fmt.Errorf("user %q: %w", login, err)
	}
	return s.User(ctx, l.User)
}

// checkFree says that somebody has a login.
func (s *Service) checkFree(ctx context.Context, login string) error {
	_, err := s.UserByLogin(ctx, login)
	switch {
	case err == nil:
		return loginTaken(login)
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return err
}

// Users lists up to limit users in the order of their ids, after the id after.
func (s *Service) Users(ctx context.Context, after string, limit int) ([]User, error) {
	items, err := s.config.Store.ListItems(ctx, kindUser, after, limit)
	return decodeUsers(items, err)
}

// UsersWithRole and UsersLinked list as Users does.
func (s *Service) UsersWithRole(ctx context.Context, r Role, after string, limit int) ([]User, error) {
	items, err := s.config.Store.FindItems(ctx, kindUser, store.ItemKey{Name: "role", Value: string(r)}, after, limit)
	return decodeUsers(items, err)
}

// UsersLinked lists who is tied to a resource.
func (s *Service) UsersLinked(ctx context.Context, k fhir.Key, after string, limit int) ([]User, error) {
	items, err := s.config.Store.FindItems(ctx, kindUser, store.ItemKey{Name: "link", Value: k.String()}, after, limit)
	return decodeUsers(items, err)
}

func decodeUsers(items []store.Item, err error) ([]User, error) {
	users := make([]User, len(items))
	for n, i := range items {
		if err == nil {
			err = decode(i, &users[n])
			users[n].Version = i.Version
		}
	}
	if err != nil {
		return nil, err
	}
	return users, nil
}

// UpdateUser writes Login, Name, Roles, Links and Disabled of a user that was
// read as u.Version; ErrConflict when it has been changed since. A change of
// roles or links, or disabling, ends the user's sessions and grants.
func (s *Service) UpdateUser(ctx context.Context, u User) (*User, error) {
	old, err := s.User(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if old.Version != u.Version {
		return nil, fmt.Errorf("user %q: %w", u.Login, ErrConflict)
	}
	canonical, err := u.check()
	if err == nil {
		err = s.checkRoles(ctx, u.Roles)
	}
	if err != nil {
		return nil, err
	}
	was, err := canonicalLogin(old.Login)
	if err != nil {
		return nil, err
	}
	u.Created, u.Generation = old.Created, old.Generation
	var c changes
	if canonical != was {
		if err := s.checkFree(ctx, u.Login); err != nil {
			return nil, err
		}
		c.remove(kindLogin, was, store.Any)
		c.put(kindLogin, canonical, 0, loginItem{u.ID}, time.Time{})
	}
	if !slices.Equal(u.Roles, old.Roles) || !slices.Equal(u.Links, old.Links) || u.Disabled && !old.Disabled {
		c.end(&u)
	}
	c.putUser(&u, u.Version)
	if err := s.write(ctx, &c); err != nil {
		return nil, fmt.Errorf("user %q: %w", u.Login, err)
	}
	u.Version++
	return &u, nil
}
