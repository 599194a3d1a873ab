package pages

import (
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Visit is one request for a page. It belongs to the request's goroutine.
type Visit struct {
	W        http.ResponseWriter
	R        *http.Request
	House    *House
	Room     *Room
	Tenant   string // "" for the default one
	Door     *records.Door
	Identity *identity.Service
	Visitor  *Visitor       // nil when nobody is signed in, on public pages
	User     *identity.User // the same
	Query    url.Values
	Form     url.Values // of a POST
	Now      time.Time

	act *act
}

// cut takes a pattern apart.
func cut(pattern string) (method, path string, ok bool) { return strings.Cut(pattern, " ") }

func (room *Room) handler(p Page) http.Handler {
	kept := *room
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &Visit{W: w, R: r, House: kept.House, Room: &kept, Tenant: r.PathValue("tenant"), Now: kept.House.now()}
		if x := web.From(r.Context()); x != nil {
			method, path, _ := cut(p.Pattern)
			x.Route = method + " " + kept.Path + path
		}
		if err := v.serve(p); err != nil {
			v.fail(err)
		}
	})
}

func (v *Visit) serve(p Page) (err error) {
	ok := false
	if v.Door, v.Identity, ok = v.House.Visitors.Tenant(v.Tenant); !ok {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no tenant of that name on this server.")
	}
	if v.Query, err = url.ParseQuery(v.R.URL.RawQuery); err != nil {
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "The query of the address is not form-encoded.")
	}
	if v.House.Sandbox && v.R.Method == http.MethodGet && !v.atHome() {
		return v.See(v.Identity.Issuer() + strings.TrimPrefix(v.R.URL.RequestURI(), v.Path("")))
	}
	v.observe()
	if v.Visitor, err = v.House.Visitors.Visitor(v.R, v.Tenant); err != nil {
		return err
	}
	post := v.R.Method == http.MethodPost
	switch {
	case v.Visitor != nil:
		v.User = v.Visitor.Session.User
		v.act.by(v.User)
		if len(p.Roles) > 0 && !slices.ContainsFunc(p.Roles, v.User.Has) {
			return fault.New(fault.Forbidden, fault.CodeForbidden, "", "This page is for users with another role than yours. You are signed in as %s.", v.UserName())
		}
	case p.Public:
	case post:
		return fault.New(fault.Unauthenticated, fault.CodeLogin, "", "You are not signed in any more. Sign in again; nothing was changed.")
	case v.R.Header.Get("Accept") == "application/json" || p.Live:
		return fault.New(fault.Unauthenticated, fault.CodeLogin, "", "You are not signed in any more.")
	default:
		return v.See(v.SignIn())
	}
	if err := v.limit(p); err != nil {
		return err
	}
	if post {
		if err := v.own(); err != nil {
			return err
		}
	}
	return p.Serve(v)
}

// atHome says whether the browser knows the server by its own name. Its cookies are
// for that one.
func (v *Visit) atHome() bool {
	u, err := url.Parse(v.Identity.Issuer())
	return err != nil || strings.EqualFold(u.Host, v.R.Host)
}

// own makes sure that a form comes from a page of this visitor, and reads it.
func (v *Visit) own() (err error) {
	foreign := fault.New(fault.Forbidden, fault.CodeForbidden, "", "This form was not sent from its own page, or is of an earlier sign-in. Go back, reload the page and try again; nothing was changed.")
	if v.House.Visitors.SameOrigin(v.R) != nil {
		return foreign
	}
	if v.Form, err = v.readForm(); err != nil {
		return err
	}
	if v.Visitor != nil && !Equal(v.Form.Get("token"), v.Visitor.Token) {
		return foreign
	}
	return nil
}

// maxForm bounds a form, in bytes.
const maxForm = 1 << 20

func (v *Visit) readForm() (url.Values, error) {
	t, _, err := mime.ParseMediaType(v.R.Header.Get("Content-Type"))
	if err != nil || t != "application/x-www-form-urlencoded" {
		return nil, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "A form is sent as application/x-www-form-urlencoded.")
	}
	in, _, err := web.OpenBody(v.R)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	body, err := io.ReadAll(io.LimitReader(in, maxForm+1))
	if err != nil {
		return nil, web.BodyError(err)
	}
	if len(body) > maxForm {
		return nil, fault.New(fault.TooLarge, fault.CodeTooLong, "", "The form is larger than %d KiB, the limit here.", maxForm>>10)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "The form is not form-encoded.")
	}
	return values, nil
}

// URL is the public address of a path of this tenant: "/clinic".
func (v *Visit) URL(path string) string { return v.Identity.Issuer() + path }

// Path is the address of a path of this tenant without the host.
func (v *Visit) Path(path string) string {
	if v.Tenant == "" {
		return path
	}
	return "/t/" + v.Tenant + path
}

// SignIn is the address where somebody signs in and comes back here.
func (v *Visit) SignIn() string {
	next := v.R.URL.Path
	if v.Tenant != "" {
		next = strings.TrimPrefix(next, "/t/"+v.Tenant)
	}
	if v.R.URL.RawQuery != "" {
		next += "?" + v.R.URL.RawQuery
	}
	return v.Path("/account/sign-in") + "?" + url.Values{"next": {next}}.Encode()
}

// UserName is how the visitor is called; "" for nobody.
func (v *Visit) UserName() string {
	if v.User == nil {
		return ""
	}
	if v.User.Name != "" {
		return v.User.Name
	}
	return v.User.Login
}

// Staff says whether the visitor works here.
func (v *Visit) Staff() bool {
	return v.User != nil && slices.ContainsFunc(v.User.Roles, identity.Role.Staff)
}

// Records opens the visitor's session with the records, of patient for those who do
// not work here.
func (v *Visit) Records(patient fhir.ID) (*records.Session, error) {
	s, err := v.House.Visitors.Records(v.R.Context(), v.Tenant, v.Visitor, v.Room.Name, patient)
	if err != nil {
		return nil, err
	}
	s = v.metered(s)
	v.act.as(s)
	return s, nil
}

// Frame begins a page of the room. place is the address of the place in the room's
// menu that it belongs to; "" for none.
func (v *Visit) Frame(title, place string, density Density) Frame {
	f := Frame{Title: title, Room: v.Room.Name, Density: density, Sandbox: v.House.Sandbox, User: v.UserName(), Home: v.Path("/account"), Action: v.R.URL.Path}
	if v.Visitor != nil {
		f.Token = v.Visitor.Token
	}
	for _, e := range v.House.Entrances {
		if e.Open(v.User) {
			f.Menu = append(f.Menu, Item{Name: e.Name, Address: v.Path(e.Path), Here: e.Name == v.Room.Name})
			if e.Name == v.Room.Name && v.User != nil {
				f.Places = e.Menu(v.User, v.Path)
			}
		}
	}
	if v.Room.Places != nil {
		f.Places = v.Room.Places(v)
	}
	for i := range f.Places {
		f.Places[i].Here = f.Places[i].Address == place
	}
	return f
}

// Write answers with a page.
func (v *Visit) Write(status int, f Frame, body Body, data any) error {
	return Write(v.W, status, f, body, data)
}

// JSON answers with what a script asked for.
func (v *Visit) JSON(body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = v.W.Write(append(text, '\n')) // the client may be gone
	return nil
}

// See leads the browser to another page with a GET.
func (v *Visit) See(address string) error {
	h := v.W.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", address)
	v.W.WriteHeader(http.StatusSeeOther)
	return nil
}

// errorPage is what a visitor is told of an error.
type errorPage struct {
	Title, Message, Request, SignIn, Start string
	Wait, Again                            string // how long to wait, and where to go on then
}

const crowdedTitle = "Too many requests"

var errorTemplate = template.Must(template.New("error.html").ParseFS(pageFiles, "page/error.html"))

// fail answers with a page, or what a script reads, that says what went wrong and
// what to do.
func (v *Visit) fail(err error) {
	f := explain(err)
	v.act.refused(f)
	status := web.Status(f.Kind)
	if !strings.Contains(v.R.Header.Get("Accept"), "text/html") && v.R.Header.Get("Accept") != "" && v.R.Header.Get("Accept") != "*/*" || v.Identity == nil {
		web.Fail(v.W, v.R, f)
		return
	}
	if status >= 500 && status != http.StatusServiceUnavailable && v.R.Context().Err() == nil {
		v.House.log().Error("request failed", "request", v.requestID(), "route", v.R.Pattern, "error", err)
	}
	page := errorPage{Title: titleOf(f.Kind), Message: f.Issues[0].Message, Start: v.Path("/")}
	if message, wait := v.crowded(f); wait != "" {
		page.Title, page.Message, page.Wait = crowdedTitle, message, wait
		if v.R.Method == http.MethodGet {
			page.Again = v.R.URL.RequestURI()
		}
	} else if status >= 500 {
		page.Request = v.requestID()
	}
	if f.Kind == fault.Unauthenticated {
		page.SignIn = v.Path("/account/sign-in")
	}
	if err := v.Write(status, v.Frame(page.Title, "", Narrow), errorTemplate, page); err != nil {
		web.Fail(v.W, v.R, err)
	}
}

func titleOf(k fault.Kind) string {
	switch k {
	case fault.NotFound, fault.Gone:
		return "There is nothing here"
	case fault.Forbidden:
		return "This is not for you"
	case fault.Unauthenticated:
		return "You are signed out"
	}
	return "This did not work"
}

// explain is what a visitor may know of an error.
func explain(err error) *fault.Error {
	if r, ok := errors.AsType[*identity.Refused](err); ok {
		return fault.Wrap(err, fault.Invalid, fault.CodeInvalid, "", "%s", Sentence(r.Why))
	}
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return fault.Wrap(err, fault.NotFound, fault.CodeNotFound, "", "This is not there, or no longer.")
	case errors.Is(err, identity.ErrConflict):
		return fault.Wrap(err, fault.Conflict, fault.CodeConflict, "", "Somebody else has changed this at the same time. Look at it again, then change it.")
	case errors.Is(err, identity.ErrBusy):
		return fault.Wrap(err, fault.Unavailable, fault.CodeTransient, "", "Many requests change the same thing just now. Try again in a moment.")
	}
	return web.Explain(err)
}

// Problems are what a visitor can set right about a form; nil for other errors.
func Problems(err error) []Problem {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = explain(err)
	}
	switch f.Kind {
	case fault.Unprocessable, fault.Conflict, fault.Invalid, fault.PreconditionFailed:
	default:
		return nil
	}
	var all []Problem
	for _, i := range f.Issues {
		all = append(all, Problem{i.Path, Sentence(i.Message)})
	}
	return all
}

// Sentence makes a sentence of a description.
func Sentence(text string) string {
	if text == "" {
		return ""
	}
	if first, size := utf8.DecodeRuneInString(text); first != utf8.RuneError {
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, "!") {
		text += "."
	}
	return text
}

func (v *Visit) requestID() string {
	if x := web.From(v.R.Context()); x != nil {
		return x.ID
	}
	return ""
}
