package auth

import (
	"cmp"
	"net/http"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

// frame is what every page has around its own content.
type frame struct {
	Title  string
	Wide   bool
	Menu   []menuItem // of whoever is signed in; empty otherwise
	User   string     // who is signed in
	Home   string     // address of the account
	Token  string     // that a form must send back
	Action string     // address that the main form is sent to
	// Problems are what was wrong with what was sent, Notice is what was done.
	Problems []problem
	Notice   string

	room     string   // whose place the page is; "": the account's
	targets  []string // beside this server, where forms may lead
	passkeys bool     // the page has the script for passkeys
	framed   bool     // the clinic may show it in a frame, where it shows apps
	visitor  *identity.User
}

type (
	problem  = pages.Problem
	menuItem = pages.Item
)

// Problem is the message about a field; "" for none.
func (f frame) Problem(field string) string {
	for _, p := range f.Problems {
		if p.Field == field {
			return p.Message
		}
	}
	return ""
}

// writeFrame answers with a page. Nothing of it may be kept, framed, or run but
// the scripts for passkeys.
func (c *call) writeFrame(status int, f frame, body pages.Body, data any) error {
	page := pages.Frame{
		Title: f.Title, Places: f.Menu, User: f.User, Home: f.Home, Token: f.Token, Action: f.Action, Problems: f.Problems, Notice: f.Notice,
		Targets: f.targets, Plain: !f.passkeys, Framed: f.framed,
	}
	if f.Wide {
		page.Density = pages.Wide
	}
	if f.passkeys {
		page.Scripts = []string{c.url(passkeyScriptPath)}
	}
	if house := c.server.config.House; house != nil {
		page.Sandbox = house.Sandbox
		if f.User != "" {
			page.Room = cmp.Or(f.room, "Account")
		}
		for _, e := range house.Entrances {
			if f.visitor != nil && e.Open(f.visitor) {
				page.Menu = append(page.Menu, pages.Item{Name: e.Name, Address: c.url(e.Path), Here: e.Name == page.Room})
			}
		}
	}
	return pages.Write(c.w, status, page, body, data)
}

// statusOfProblems is the status of a form that is shown again.
func statusOfProblems(all []problem) int {
	if len(all) > 0 {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// menuOf are the places that a user may go to from one of them: those of the account,
// or of the room in whose menu that one is, which is named then.
func (c *call) menuOf(u *identity.User, here string) (all []menuItem, room string) {
	elsewhere := func(string) *pages.Entrance { return nil }
	if house := c.server.config.House; house != nil {
		elsewhere = house.At
	}
	if e := elsewhere(here); e != nil {
		all, room = e.Menu(u, c.url), e.Name
	} else {
		for _, p := range places {
			if (len(p.roles) == 0 || hasAny(u, p.roles)) && elsewhere(p.path) == nil {
				all = append(all, menuItem{Name: p.name, Address: c.url(p.path)})
			}
		}
	}
	for i := range all {
		all[i].Here = all[i].Address == c.url(here)
	}
	return all, room
}

var places = []struct {
	name, path string
	roles      []identity.Role
}{
	{"Apps", "/account", nil},
	{"Devices", "/account/sessions", nil},
	{"Sign-in", "/account/security", nil},
	{"Privacy", privacyPath, officers},
	{"Users", "/account/users", administrators},
	{"All apps", "/account/clients", administrators},
	{"Rules", "/account/policy", administrators},
}
