package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

// Who may see which pages of the account; nil: whoever is signed in.
var (
	everybody      []identity.Role
	administrators = []identity.Role{identity.Administrator}
)

// accountEndpoints are the pages of the account, which the discovery document
// calls management_endpoint.
var accountEndpoints = []endpoint{
	{"/account", "GET", corsNone, account(everybody, (*visit).apps), failPage},
	{"/account/apps/end", "POST", corsNone, account(everybody, (*visit).endApp), failPage},
	{"/account/sessions", "GET", corsNone, account(everybody, (*visit).sessions), failPage},
	{"/account/sessions/end", "POST", corsNone, account(everybody, (*visit).endSession), failPage},
	{"/account/security", "GET", corsNone, account(everybody, (*visit).security), failPage},
	{"/account/password", "POST", corsNone, account(everybody, (*visit).password), failPage},
	{"/account/totp", "POST", corsNone, account(everybody, (*visit).totp), failPage},
	{"/account/passkeys/begin", "POST", corsNone, account(everybody, (*visit).beginPasskey), failJSON},
	{"/account/passkeys/finish", "POST", corsNone, account(everybody, (*visit).finishPasskey), failJSON},
	{"/account/passkeys/remove", "POST", corsNone, account(everybody, (*visit).removePasskey), failPage},
	{"/account/outside/link", "POST", corsNone, account(everybody, (*visit).linkOutside), failPage},
	{"/account/outside/unlink", "POST", corsNone, account(everybody, (*visit).unlinkOutside), failPage},
	{"/account/sign-out", "POST", corsNone, account(everybody, (*visit).signOut), failPage},
	{"/account/users", "GET", corsNone, account(administrators, (*visit).users), failPage},
	{"/account/users/new", "GET, POST", corsNone, account(administrators, (*visit).newUser), failPage},
	{"/account/users/user/{id}", "GET, POST", corsNone, account(administrators, (*visit).user), failPage},
	{"/account/clients", "GET", corsNone, account(administrators, (*visit).clients), failPage},
	{"/account/clients/app/{id}", "GET, POST", corsNone, account(administrators, (*visit).client), failPage},
	{privacyPath, "GET, POST", corsNone, account(officers, (*visit).privacy), failPage},
	{"/account/policy", "GET, POST", corsNone, account(administrators, (*visit).policy), failPage},
}

// visit is one request of somebody who is signed in.
type visit struct {
	*call
	session *identity.Session
	token   string     // that forms hold
	form    url.Values // of a POST
}

// account lets those who are signed in and have one of some roles in. Who is not
// signed in is led to the sign-in, unless something was sent.
func account(roles []identity.Role, serve func(*visit) error) func(*call) error {
	return func(c *call) error {
		v, err := c.visit()
		if err != nil {
			return err
		}
		if v == nil {
			if c.r.Method == http.MethodPost {
				return fault.New(fault.Unauthenticated, fault.CodeLogin, "", "You are not signed in any more. Sign in again at %s; nothing was changed.", c.url("/account"))
			}
			return c.see(c.url("/account/sign-in") + "?" + url.Values{"next": {c.here()}}.Encode())
		}
		if len(roles) > 0 && !hasAny(v.session.User, roles) {
			return fault.New(fault.Forbidden, fault.CodeForbidden, "", "This page is for users with another role than yours.")
		}
		if c.r.Method == http.MethodPost {
			if err := v.own(); err != nil {
				return err
			}
		}
		return serve(v)
	}
}

// visit is nil when nobody is signed in.
func (c *call) visit() (*visit, error) {
	cookie := c.cookie(c.cookies.session)
	s, err := c.Identity.Session(c.r.Context(), cookie)
	if errors.Is(err, identity.ErrSession) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c.by(s.User)
	sum := sha256.Sum256([]byte("account form\n" + cookie))
	return &visit{call: c, session: s, token: base64.RawURLEncoding.EncodeToString(sum[:])}, nil
}

// own makes sure that a form comes from a page of this visitor, and reads it.
func (v *visit) own() (err error) {
	foreign := fault.New(fault.Forbidden, fault.CodeForbidden, "", "This form was not sent from its own page, or is of an earlier sign-in. Go back, reload the page and try again.")
	if err := v.server.origins.Check(v.r); err != nil {
		return foreign
	}
	if v.form, err = v.call.form(); err != nil {
		return err
	}
	if !pages.Equal(v.form.Get("token"), v.token) {
		return foreign
	}
	v.note(bounded(v.form.Get("do")))
	return nil
}

// here is the path of the request below the tenant's address.
func (c *call) here() string {
	path := c.r.URL.Path
	if c.name != "" {
		path = strings.TrimPrefix(path, "/t/"+c.name)
	}
	return path
}

// local is a path of the account, or of another room, that a browser may be led to;
// that of the account itself for any other.
func (c *call) local(path string) string {
	rooms := []string{"/account"}
	if house := c.server.config.House; house != nil {
		for _, e := range house.Entrances {
			rooms = append(rooms, e.Path)
		}
	}
	return pages.Local(path, "/account", rooms...)
}

func hasAny(u *identity.User, roles []identity.Role) bool { return slices.ContainsFunc(roles, u.Has) }

// frame begins a page of the account that belongs to a place of the menu.
func (v *visit) frame(title, place string) frame {
	menu, room := v.menuOf(v.session.User, place)
	return frame{
		Title: title, Menu: v.waiting(menu), User: v.userName(), Home: v.url("/account"), Token: v.token,
		Action: v.url(v.here()), Notice: notices[v.query.Get("done")], room: room, visitor: v.session.User,
	}
}

func (v *visit) userName() string {
	if u := v.session.User; u.Name != "" {
		return u.Name
	}
	return v.session.User.Login
}

// notices are what pages say was done, by the name in the address.
var notices = map[string]string{
	"app-ended":     "The app no longer has access.",
	"session-ended": "That device is signed out.",
	"others-ended":  "All other devices are signed out.",
	"password":      "Your password is changed. All other devices are signed out.",
	"passkey":       "The passkey is added.",
	"saved":         "Saved.",
	"approved":      "The app is approved.",
	"suspended":     "The app is suspended: nothing of it works any more.",
	"resumed":       "The app works again.",
	"deleted":       "The app is deleted.",
	"unlocked":      "The user can try to sign in again.",
	"signed-out":    "The user is signed out everywhere.",
	"reviewed":      "Reviewed.",
	"glass-ended":   "The access has ended.",
	"factors":       "The authenticator app, its recovery codes and the passkeys are removed from the user.",
}

// done leads to a page that says what was done.
func (v *visit) done(path, what string) error { return v.see(v.url(path) + "?done=" + what) }

// problems are what a user can set right about a form; nil for other errors.
func problems(err error) []problem {
	if f, ok := errors.AsType[*fault.Error](err); ok && (f.Kind == fault.Unprocessable || f.Kind == fault.Conflict || f.Kind == fault.Invalid) {
		var all []problem
		for _, i := range f.Issues {
			all = append(all, problem{Field: i.Path, Message: sentence(i.Message)})
		}
		return all
	}
	if r, ok := errors.AsType[*identity.Refused](err); ok {
		return []problem{{Message: sentence(r.Why)}}
	}
	if errors.Is(err, identity.ErrConflict) {
		return []problem{{Message: "Somebody else has changed this at the same time. Look at it again, then change it."}}
	}
	return nil
}
