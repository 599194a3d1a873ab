package kit

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

//go:embed page
var files embed.FS

// Frame is what every page has around its own content.
type Frame struct {
	Title      string
	Address    string  // of the session's page; "" outside of a session
	Person     *Person // whose page it is; nil where nothing says so above it
	Open       bool    // a session is open
	Own        bool    // it has a style of its own
	CanRefresh bool
}

// parse makes the pages of a plan. It panics when that cannot be, which is a fault of
// the build.
func parse(p *Plan) *template.Template {
	all := template.Must(template.ParseFS(files, "page/*.html"))
	return template.Must(all.ParseFS(p.Files, "page/*.html"))
}

// protect sets what holds for every answer: one style and nothing else, no frame but
// the EHR's, nothing kept, no address given away.
func (a *App) protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "+a.ehr())
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
}

// ehr is the origin of the FHIR server, whose EHR may show the app in a frame.
func (a *App) ehr() string {
	u, err := url.Parse(a.client.Server.Base)
	if err != nil || u.Host == "" {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host
}

// write answers with a page; with nothing if that fails.
func (a *App) write(w http.ResponseWriter, status int, name string, data any) error {
	var page bytes.Buffer
	if err := a.pages.ExecuteTemplate(&page, name, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the browser may be gone
	return nil
}

func writeStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	http.ServeFileFS(w, r, files, "page/style.css")
}

func (a *App) writeLogo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=3600")
	http.ServeFileFS(w, r, a.plan.Files, "page/logo.svg")
}

// Sentence joins what is not empty.
func Sentence(separator string, parts ...string) string {
	var said []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, separator)
}
