package auth

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the style
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/identity"
)

//go:embed page/style.css
var pageStyle string

var pageStyleHash = sourceHash(pageStyle)

// sourceHash is what Content-Security-Policy calls a text that is allowed.
func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

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

	targets  []string // beside this server, where forms may lead
	passkeys bool     // the page has the script for passkeys
}

// menuItem is a place in the account.
type menuItem struct {
	Name, Address string
	Here          bool
}

// problem is what is wrong with a field of a form.
type problem struct {
	Field   string // id of the field; "" for the whole form
	Message string
}

// Problem is the message about a field; "" for none.
func (f frame) Problem(field string) string {
	for _, p := range f.Problems {
		if p.Field == field {
			return p.Message
		}
	}
	return ""
}

var layoutTemplate = template.Must(template.New("layout").ParseFS(pageFiles, "page/layout.html"))

// writeFrame answers with a page. Nothing of it may be kept, framed, or run but
// the one script for passkeys.
func (c *call) writeFrame(status int, f frame, body *template.Template, data any) error {
	var inner, page bytes.Buffer
	if err := body.Execute(&inner, data); err != nil {
		return err
	}
	script := ""
	if f.passkeys {
		script = c.url(passkeyScriptPath)
	}
	err := layoutTemplate.ExecuteTemplate(&page, "layout.html", struct {
		frame
		Style  template.CSS
		Script string
		Body   template.HTML
	}{f, template.CSS(pageStyle), script, template.HTML(inner.String())}) //nolint:gosec // they are the program's own, and made by a template
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(f, script))
	h.Set("Referrer-Policy", "same-origin") // with none, a form would not tell where it comes from
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(page.Bytes()) // the client may be gone
	return nil
}

// policy lets a page have its style, images that it holds itself, and forms that
// lead here or to the targets.
func policy(f frame, script string) string {
	parts := []string{
		"default-src 'none'", "style-src " + pageStyleHash, "img-src data:", "base-uri 'none'", "frame-ancestors 'none'",
		strings.Join(append([]string{"form-action 'self'"}, f.targets...), " "),
	}
	if script != "" {
		parts = append(parts, "script-src "+script, "connect-src 'self'")
	}
	return strings.Join(parts, "; ")
}

// statusOfProblems is the status of a form that is shown again.
func statusOfProblems(all []problem) int {
	if len(all) > 0 {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// menuOf are the places that a user may go to.
func (c *call) menuOf(u *identity.User, here string) []menuItem {
	var all []menuItem
	for _, p := range places {
		if len(p.roles) == 0 || hasAny(u, p.roles) {
			all = append(all, menuItem{p.name, c.url(p.path), p.path == here})
		}
	}
	return all
}

var places = []struct {
	name, path string
	roles      []identity.Role
}{
	{"Apps", "/account", nil},
	{"Devices", "/account/sessions", nil},
	{"Sign-in", "/account/security", nil},
	{"Your own apps", "/account/developer", developers},
	{"Privacy", privacyPath, officers},
	{"Users", "/account/users", administrators},
	{"All apps", "/account/clients", administrators},
	{"Rules", "/account/policy", administrators},
}
