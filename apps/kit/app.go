package kit

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// App is the Handler of a Plan. It is safe for concurrent use. What it knows of its
// users is in memory, bounded, and ends with it.
type App struct {
	plan     *Plan
	client   *smart.Client
	self     string
	pages    *template.Template
	mux      *http.ServeMux
	forms    *http.CrossOriginProtection
	attempts *shelf[attempt] // by state
	sessions *shelf[*session]
	endings  *shelf[ending] // by the session that ended
}

// session is an authorization that a browser holds. Each launch has its own, whose
// key is part of the addresses of its pages: so two tabs show two patients.
type session struct {
	source  *smart.Source
	browser string // the cookie without which the key opens nothing
	style   style  // as the EHR wants it
}

// New makes the app for one registration at one server. self is its own public
// URL, without a slash at the end.
func New(p *Plan, client *smart.Client, self string) *App {
	a := &App{
		plan:     p,
		client:   client,
		self:     self,
		pages:    parse(p),
		mux:      http.NewServeMux(),
		forms:    http.NewCrossOriginProtection(),
		attempts: newShelf[attempt](10 * time.Minute),
		sessions: newShelf[*session](8 * time.Hour),
		endings:  newShelf[ending](10 * time.Minute),
	}
	a.handle("GET /{$}", a.home)
	a.handle("GET /launch", a.launch)
	a.handle("GET /callback", a.callback)
	a.handle("GET /open/{session}", a.open(p.Show))
	a.handle("GET /open/{session}/style.css", a.writeOwnStyle)
	a.handle("POST /open/{session}/refresh", a.open(a.refresh))
	a.handle("POST /open/{session}/revoke", a.open(a.revoke))
	a.handle("POST /open/{session}/leave", a.open(a.leave))
	a.handle("GET /open/{session}/revoked", a.revoked)
	for name, f := range p.Forms {
		a.handle("POST /open/{session}/"+name, a.open(f))
	}
	a.mux.HandleFunc("GET /style.css", writeStyle)
	a.mux.HandleFunc("GET /logo.svg", a.writeLogo)
	return a
}

func (a *App) handle(pattern string, f func(http.ResponseWriter, *http.Request) error) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			a.writeProblem(w, err)
		}
	})
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.protect(w.Header())
	if err := a.forms.Check(r); err != nil {
		a.writeProblem(w, Problem{http.StatusForbidden, "Not from here", "This form was sent by another site."})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	a.mux.ServeHTTP(w, r)
}

// secure says whether cookies need https.
func (a *App) secure() bool { return strings.HasPrefix(a.self, "https://") }

func (a *App) home(w http.ResponseWriter, _ *http.Request) error {
	server := a.client.Server
	return a.write(w, http.StatusOK, "home", struct {
		Frame
		Purpose, Base, Client, Account string
		Scopes                         smart.Scopes
		Public                         bool
	}{Frame{Title: a.plan.Name}, a.plan.Purpose, server.Base, a.client.ID, server.Configuration.ManagementEndpoint, a.plan.Scopes, a.client.Auth == nil})
}
