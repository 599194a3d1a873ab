package pages

import (
	"bytes"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Frame is what every page has around its own content.
type Frame struct {
	Title   string
	Room    string // name of the room in the menu, such as "Clinic"; "" for none
	Density Density
	Menu    []Item  // the rooms that the visitor may enter
	Places  []Item  // of this room, below the menu
	User    string  // who is signed in; "" for nobody
	Home    string  // address of the account
	Token   string  // that a form must send back
	Action  string  // address that the main form is sent to
	Sandbox bool    // the data is synthetic and everybody may sign in
	Banner  *Banner // what must not be overlooked on any page; nil for nothing
	// Problems are what was wrong with what was sent, Notice is what was done.
	Problems []Problem
	Notice   string

	Scripts []string // addresses, beside the shared one
	Styles  []string // addresses, beside the shared one
	Targets []string // origins beside this one where forms may lead
	Frames  []string // origins that the page may show in frames
	Plain   bool     // the page has no script at all
	Framed  bool     // pages of this origin may show it in a frame
}

// Density says how much stands on a page.
type Density string

// The densities: a column to read, pages with tables, and screens where somebody
// works all day.
const (
	Narrow Density = ""
	Wide   Density = "wide"
	Dense  Density = "dense"
)

// Item is a place that a menu leads to.
type Item struct {
	Name, Address string
	Group         string // of a place; "" for none
	Here          bool
}

// Banner is a line above everything.
type Banner struct {
	Kind    string // "alarm" or "calm"
	Message string
	Link    *Item
}

// Problem is what is wrong with a field of a form.
type Problem struct {
	Field   string // id of the field; "" for the whole form
	Message string
}

// Problem is the message about a field; "" for none.
func (f Frame) Problem(field string) string {
	for _, p := range f.Problems {
		if p.Field == field {
			return p.Message
		}
	}
	return ""
}

var layout = template.Must(template.New("layout.html").Funcs(Words).ParseFS(pageFiles, "page/layout.html"))

// Write answers with a page whose main part is what body makes of data. Nothing is
// written when that fails. It is not to be kept, and only this origin may frame it
// or run scripts in it.
func Write(w http.ResponseWriter, status int, f Frame, body Body, data any) error {
	var inner, page bytes.Buffer
	if err := body.Execute(&inner, data); err != nil {
		return err
	}
	err := layout.Execute(&page, struct {
		Frame
		Style, Script string
		Body          template.HTML
	}{f, shared.Path("ingle.css"), shared.Path("ingle.js"), template.HTML(inner.String())}) //nolint:gosec // it was made by a template
	if err != nil {
		return err
	}
	text := bytes.ToValidUTF8(page.Bytes(), []byte("\uFFFD")) // what was sent may come back in a form
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", f.policy())
	h.Set("Referrer-Policy", "same-origin") // with none, a form would not tell where it comes from
	h.Set("X-Content-Type-Options", "nosniff")
	if f.Framed {
		h.Set("X-Frame-Options", "SAMEORIGIN")
	}
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may be gone
	return nil
}

// policy lets a page have what comes from this origin, images that it holds itself,
// and forms and frames that lead to the origins named.
func (f Frame) policy() string {
	parts := []string{
		"default-src 'none'", "style-src 'self'", "img-src 'self' data:", "base-uri 'none'", "frame-ancestors " + f.ancestors(),
		strings.Join(slices.Concat([]string{"form-action 'self'"}, f.Targets), " "),
	}
	if !f.Plain {
		parts = append(parts, "script-src 'self'", "connect-src 'self'")
	}
	if len(f.Frames) > 0 {
		parts = append(parts, "frame-src "+strings.Join(f.Frames, " "))
	}
	return strings.Join(parts, "; ")
}

// ancestors are the origins whose pages may show the page in a frame.
func (f Frame) ancestors() string {
	if f.Framed {
		return "'self'"
	}
	return "'none'"
}

// StatusOf is the status of a form that is shown again.
func StatusOf(all []Problem) int {
	if len(all) > 0 {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}
