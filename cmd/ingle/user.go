package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/spec/fhir"
)

type userCommand struct {
	Add     userAdd     `cmd:"" help:"Add a user and print a link with which they choose a password."`
	List    userList    `cmd:"" help:"List users."`
	Show    userShow    `cmd:"" help:"Show a user, their sessions and the apps they have allowed."`
	Change  userChange  `cmd:"" help:"Change a user's name, roles or resources. Changed roles or resources end their sessions and the access of their apps."`
	Invite  userInvite  `cmd:"" help:"Print a new link with which a user chooses a password, for one who has forgotten it."`
	Disable userDisable `cmd:"" help:"Shut a user out: sessions and tokens end at once."`
	Enable  userEnable  `cmd:"" help:"Let a disabled user in again."`
	Unlock  userUnlock  `cmd:"" help:"Let a user try to sign in again at once after too many failures."`
	Factors userFactors `cmd:"" name:"reset-factors" help:"Remove a user's authenticator app and passkeys, when they are lost or stolen. Their sessions and the access of their apps end."`
	SignOut userSignOut `cmd:"" help:"End all sessions of a user."`
}

// userFields are what a user is made of.
type userFields struct {
	Name string   `help:"Name to show."`
	Role []string `sep:"," placeholder:"ROLE" help:"What the user is: patient, proxy, practitioner, nurse, front-desk, privacy-officer, administrator, app-developer. May be repeated."`
	Is   []string `sep:"," placeholder:"TYPE/ID" help:"The resource that is the user: Patient/maria, Practitioner/okafor, RelatedPerson/..., Person/.... Practitioner/okafor+okafor-hearthside adds the PractitionerRole in which they act. May be repeated."`
}

// apply writes what is given into u.
func (f userFields) apply(u *identity.User) error {
	if f.Name != "" {
		u.Name = f.Name
	}
	if len(f.Role) > 0 {
		u.Roles = nil
		for _, r := range f.Role {
			u.Roles = append(u.Roles, identity.Role(r))
		}
	}
	if len(f.Is) == 0 {
		return nil
	}
	u.Links = nil
	for _, text := range f.Is {
		reference, role, _ := strings.Cut(text, "+")
		typ, id, ok := strings.Cut(reference, "/")
		if !ok {
			return usage("--is %s: it looks like Practitioner/okafor", text)
		}
		u.Links = append(u.Links, identity.Link{Type: fhir.Type(typ), ID: fhir.ID(id), PractitionerRole: fhir.ID(role)})
	}
	return nil
}

type userAdd struct {
	identityFlags
	Login string `arg:"" help:"What they sign in with: a name or an e-mail address."`
	userFields
}

// Run implements a command, as those below do.
func (c *userAdd) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "user add", c) }

func (c *userAdd) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	u := identity.User{Login: c.Login, Name: c.Login}
	if err := c.apply(&u); err != nil {
		return err
	}
	made, err := in.CreateUser(ctx, u)
	if err != nil {
		return err
	}
	return invite(ctx, in, made, out)
}

// invite prints a link to choose a password.
func invite(ctx context.Context, in *identity.Service, u *identity.User, out io.Writer) error {
	secret, err := in.Invite(ctx, u.ID)
	if err == nil {
		_, err = fmt.Fprintf(out, "%s chooses a password at this link, once:\n  %s\n", u.Login, auth.InvitationURL(in.Issuer(), secret))
	}
	return err
}

type userList struct {
	identityFlags
	Role string `placeholder:"ROLE" help:"Only those with this role."`
}

func (c *userList) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "user list", c) }

func (c *userList) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	if roles, err := in.AllRoles(ctx); err != nil {
		return err
	} else if c.Role != "" && !slices.Contains(roles, identity.Role(c.Role)) {
		return usage("--role %s: there is no such role", c.Role)
	}
	rows := [][]string{{"LOGIN", "NAME", "ROLES", "IS", ""}}
	const page = 500
	for after := ""; ; {
		users, err := in.Users(ctx, after, page)
		if err != nil {
			return err
		}
		for i := range users {
			u := &users[i]
			after = u.ID
			if c.Role == "" || u.Has(identity.Role(c.Role)) {
				rows = append(rows, []string{u.Login, u.Name, joined(u.Roles), linked(u), disabled(u)})
			}
		}
		if len(users) < page {
			return lines(out, rows)
		}
	}
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}

func linked(u *identity.User) string {
	var texts []string
	for _, l := range u.Links {
		text := l.Key().String()
		if l.PractitionerRole != "" {
			text += "+" + string(l.PractitionerRole)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func disabled(u *identity.User) string {
	if u.Disabled {
		return "disabled"
	}
	return ""
}

// oneUser is the argument of commands about one user.
type oneUser struct {
	identityFlags
	Login string `arg:"" help:"What they sign in with."`
}

func userNamed(ctx context.Context, in *identity.Service, login string) (*identity.User, error) {
	u, err := in.UserByLogin(ctx, login)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, usage("there is no user %s; `ingle user list` shows them", login)
	}
	return u, err
}

type userShow struct{ oneUser }

func (c *userShow) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "user show", c) }

func (c *userShow) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	u, err := userNamed(ctx, in, c.Login)
	if err != nil {
		return err
	}
	rows := [][]string{{"login", u.Login}, {"name", u.Name}, {"roles", joined(u.Roles)}, {"is", linked(u)}, {"since", shownTime(u.Created)}}
	if u.Disabled {
		rows = append(rows, []string{"disabled", "yes"})
	}
	sessions, err := in.Sessions(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, n := range sessions {
		rows = append(rows, []string{"session", fmt.Sprintf("since %s, last used %s, from %s, %s", shownTime(n.Created), shownTime(n.Seen), n.Address, n.Device)})
	}
	grants, err := in.Grants(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, g := range grants {
		rows = append(rows, []string{"app", fmt.Sprintf("%s since %s: %s", g.Client, shownTime(g.Created), g.Scopes)})
	}
	return lines(out, rows)
}

func shownTime(t time.Time) string { return t.Format("2006-01-02 15:04") }

type userChange struct {
	oneUser
	userFields
}

func (c *userChange) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "user change", c)
}

func (c *userChange) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return changeUser(ctx, in, c.Login, out, c.apply)
}

func changeUser(ctx context.Context, in *identity.Service, login string, out io.Writer, change func(*identity.User) error) error {
	u, err := userNamed(ctx, in, login)
	if err != nil {
		return err
	}
	if err := change(u); err != nil {
		return err
	}
	if u, err = in.UpdateUser(ctx, *u); err != nil {
		return err
	}
	return lines(out, [][]string{{u.Login, u.Name, joined(u.Roles), linked(u), disabled(u)}})
}

type userInvite struct{ oneUser }

func (c *userInvite) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "user invite", c)
}

func (c *userInvite) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	u, err := userNamed(ctx, in, c.Login)
	if err != nil {
		return err
	}
	return invite(ctx, in, u, out)
}

type userDisable struct{ oneUser }

func (c *userDisable) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "user disable", c)
}

func (c *userDisable) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return changeUser(ctx, in, c.Login, out, func(u *identity.User) error {
		u.Disabled = true
		return nil
	})
}

type userEnable struct{ oneUser }

func (c *userEnable) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "user enable", c)
}

func (c *userEnable) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return changeUser(ctx, in, c.Login, out, func(u *identity.User) error {
		u.Disabled = false
		return nil
	})
}

type userUnlock struct{ oneUser }

func (c *userUnlock) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "user unlock", c)
}

func (c *userUnlock) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	u, err := userNamed(ctx, in, c.Login)
	if err != nil {
		return err
	}
	return told(in.Unlock(ctx, u.ID), out, "%s can try to sign in again.", u.Login)
}

type userFactors struct{ oneUser }

func (c *userFactors) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "user reset-factors", c)
}

func (c *userFactors) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	u, err := userNamed(ctx, in, c.Login)
	if err != nil {
		return err
	}
	return told(in.RemoveFactors(ctx, u.ID), out, "%s has no authenticator app and no passkeys any more.", u.Login)
}

type userSignOut struct{ oneUser }

func (c *userSignOut) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "user sign-out", c)
}

func (c *userSignOut) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	u, err := userNamed(ctx, in, c.Login)
	if err != nil {
		return err
	}
	if err := in.EndSessions(ctx, u.ID, ""); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "All sessions of %s have ended.\n", u.Login)
	return err
}
