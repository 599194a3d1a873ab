package auth

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// usersShown is how many users a page lists.
const usersShown = 50

// usersPage lists users.
type usersPage struct {
	frame
	Login string // that was looked for
	Role  identity.Role
	Roles []roleChoice
	Users []identity.User
	Next  string // address of the next page; "" on the last
	New   string
}

type roleChoice struct {
	Role   identity.Role
	Name   string
	Chosen bool
}

// roleNames are the roles in words.
var roleNames = map[identity.Role]string{
	identity.Patient: "Patient", identity.Proxy: "Proxy: acts for patients", identity.Practitioner: "Practitioner", identity.Nurse: "Nurse",
	identity.FrontDesk: "Front desk", identity.PrivacyOfficer: "Privacy officer", identity.Administrator: "Administrator", identity.AppDeveloper: "App developer",
}

// roleChoices are all roles, those that an administrator added with their titles.
func (v *visit) roleChoices(chosen []identity.Role) ([]roleChoice, error) {
	var all []roleChoice
	for _, r := range identity.Roles() {
		all = append(all, roleChoice{r, roleNames[r], slices.Contains(chosen, r)})
	}
	rules, err := v.Identity.AccessRoles(v.r.Context())
	for _, r := range rules {
		if name := identity.Role(r.Name); roleNames[name] == "" {
			all = append(all, roleChoice{name, cmp.Or(r.Title, r.Name), slices.Contains(chosen, name)})
		}
	}
	return all, err
}

func (v *visit) users() error {
	ctx := v.r.Context()
	page := usersPage{frame: v.frame("Users", "/account/users"), Login: v.query.Get("login"), Role: identity.Role(v.query.Get("role")), New: v.url("/account/users/new")}
	page.Wide = true
	after := v.query.Get("after")
	var err error
	if page.Roles, err = v.roleChoices([]identity.Role{page.Role}); err != nil {
		return err
	}
	switch {
	case page.Login != "":
		var u *identity.User
		u, err = v.Identity.UserByLogin(ctx, page.Login)
		if errors.Is(err, identity.ErrNotFound) {
			err = nil
		}
		if u != nil {
			page.Users = []identity.User{*u}
		}
	case slices.ContainsFunc(page.Roles, func(r roleChoice) bool { return r.Chosen }):
		page.Users, err = v.Identity.UsersWithRole(ctx, page.Role, after, usersShown)
	default:
		page.Users, err = v.Identity.Users(ctx, after, usersShown)
	}
	if err != nil {
		return err
	}
	if len(page.Users) == usersShown {
		page.Next = v.url("/account/users") + "?role=" + string(page.Role) + "&after=" + page.Users[usersShown-1].ID
	}
	return v.writeFrame(http.StatusOK, page.frame, usersTemplate, page)
}

// userPage shows one user, or a form for a new one.
type userPage struct {
	frame
	User    identity.User
	Links   string // one a line
	Roles   []roleChoice
	Is      identity.Credentials
	New     bool
	Self    bool
	Devices int
}

// invitationPage shows a link, once.
type invitationPage struct {
	frame
	Name, Link, Back string
}

func (v *visit) newUser() error {
	if v.r.Method != http.MethodPost {
		return v.showUser(&identity.User{}, "", nil)
	}
	u, err := v.formUser(identity.User{})
	if err == nil {
		var made *identity.User
		if made, err = v.Identity.CreateUser(v.r.Context(), u); err == nil {
			return v.invite(made)
		}
	}
	if list := problems(err); list != nil {
		return v.showUser(&u, v.form.Get("links"), list)
	}
	return err
}

// user shows, changes, invites, unlocks or resets one user.
func (v *visit) user() error {
	ctx := v.r.Context()
	u, err := v.Identity.User(ctx, v.r.PathValue("id"))
	if errors.Is(err, identity.ErrNotFound) {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such user.")
	}
	if err != nil {
		return err
	}
	if v.r.Method != http.MethodPost {
		return v.showUser(u, linkLines(u.Links), nil)
	}
	done := ""
	switch v.form.Get("do") {
	case "save":
		return v.saveUser(u)
	case "invite":
		return v.invite(u)
	case "unlock":
		done, err = "unlocked", v.Identity.Unlock(ctx, u.ID)
	case "sign-out":
		done, err = "signed-out", v.Identity.EndSessions(ctx, u.ID, "")
	case "factors":
		done, err = "factors", v.Identity.RemoveFactors(ctx, u.ID)
	default:
		err = identity.Refuse(identity.InvalidRequest, "do is save, invite, unlock, sign-out or factors")
	}
	if err != nil {
		return err
	}
	return v.done("/account/users/user/"+u.ID, done)
}

func (v *visit) saveUser(u *identity.User) error {
	changed, err := v.formUser(*u)
	if err == nil && u.ID == v.session.UserID && (changed.Disabled || !changed.Has(identity.Administrator)) {
		err = fault.New(fault.Unprocessable, fault.CodeBusinessRule, "roles", "you cannot take administration from yourself: another administrator can")
	}
	if err == nil {
		_, err = v.Identity.UpdateUser(v.r.Context(), changed)
	}
	if list := problems(err); list != nil {
		return v.showUser(&changed, v.form.Get("links"), list)
	}
	if err != nil {
		return err
	}
	return v.done("/account/users/user/"+u.ID, "saved")
}

// formUser is a user as the form changes it.
func (v *visit) formUser(u identity.User) (identity.User, error) {
	u.Login, u.Name, u.Disabled = strings.TrimSpace(v.form.Get("login")), strings.TrimSpace(v.form.Get("name")), v.form.Get("disabled") != ""
	u.Roles = nil
	for _, r := range v.form["role"] {
		u.Roles = append(u.Roles, identity.Role(r))
	}
	var err error
	u.Links, err = parseLinks(v.form.Get("links"))
	return u, err
}

// parseLinks reads links as linkLines writes them.
func parseLinks(text string) ([]identity.Link, error) {
	var all []identity.Link
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		typ, id, ok := strings.Cut(words[0], "/")
		link := identity.Link{Type: fhir.Type(typ), ID: fhir.ID(id)}
		if len(words) == 2 {
			role, found := strings.CutPrefix(words[1], "PractitionerRole/")
			link.PractitionerRole, ok = fhir.ID(role), ok && found
		}
		if !ok || len(words) > 2 {
			return nil, fault.New(fault.Unprocessable, fault.CodeValue, "links",
				"%q: each line is a resource such as Patient/123, or Practitioner/123 PractitionerRole/456", strings.TrimSpace(line))
		}
		all = append(all, link)
	}
	return all, nil
}

func linkLines(links []identity.Link) string {
	var b strings.Builder
	for _, l := range links {
		b.WriteString(l.Key().String())
		if l.PractitionerRole != "" {
			b.WriteString(" PractitionerRole/" + string(l.PractitionerRole))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (v *visit) showUser(u *identity.User, links string, problems []problem) error {
	page := userPage{frame: v.frame("New user", "/account/users"), User: *u, Links: links, New: u.ID == "", Self: u.ID == v.session.UserID}
	page.Problems = problems
	var err error
	if page.Roles, err = v.roleChoices(u.Roles); err != nil {
		return err
	}
	if !page.New {
		page.Title = u.Login
		if page.Is, err = v.Identity.Credentials(v.r.Context(), u.ID); err != nil {
			return err
		}
		all, err := v.Identity.Sessions(v.r.Context(), u.ID)
		if err != nil {
			return err
		}
		page.Devices = len(all)
	}
	return v.writeFrame(statusOfProblems(problems), page.frame, userTemplate, page)
}

// invite shows a link by which a user chooses a password.
func (v *visit) invite(u *identity.User) error {
	secret, err := v.Identity.Invite(v.r.Context(), u.ID)
	if err != nil {
		return err
	}
	page := invitationPage{
		frame: v.frame("A link for "+u.Login, "/account/users"), Name: u.Login, Link: InvitationURL(v.Identity.Issuer(), secret),
		Back: v.url("/account/users/user/" + u.ID),
	}
	return v.writeFrame(http.StatusOK, page.frame, invitationTemplate, page)
}
