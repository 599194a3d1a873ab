// Package app is the chart, a sample SMART app: it shows a patient's name,
// conditions and latest vital signs, and what it was allowed. It serves plain
// pages and asks its FHIR server by standard calls only, so it works with any.
package app

import (
	"net/http"
	"strings"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// App is the Handler. It is safe for concurrent use. What it knows of its users
// is in memory, bounded, and ends with it.
type App struct {
	client   *smart.Client
	self     string
	mux      *http.ServeMux
	forms    *http.CrossOriginProtection
	attempts *shelf[attempt] // by state
	charts   *shelf[*smart.Source]
	endings  *shelf[ending] // by the cookie that their chart had
}

// New makes the app for one registration at one server. self is its own public
// URL, without a slash at the end.
func New(client *smart.Client, self string) *App {
	a := &App{
		client:   client,
		self:     self,
		mux:      http.NewServeMux(),
		forms:    http.NewCrossOriginProtection(),
		attempts: newShelf[attempt](10 * time.Minute),
		charts:   newShelf[*smart.Source](8 * time.Hour),
		endings:  newShelf[ending](10 * time.Minute),
	}
	for pattern, f := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":      a.home,
		"GET /launch":   a.launch,
		"GET /callback": a.callback,
		"GET /chart":    a.open(a.chart),
		"POST /refresh": a.open(a.refresh),
		"POST /revoke":  a.open(a.revoke),
		"GET /revoked":  a.revoked,
		"POST /leave":   a.leave,
	} {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				writeProblem(w, err)
			}
		})
	}
	a.mux.HandleFunc("GET /style.css", writeStyle)
	return a
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if err := a.forms.Check(r); err != nil {
		writeProblem(w, problem{http.StatusForbidden, "Not from here", "This form was sent by another site."})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	a.mux.ServeHTTP(w, r)
}

// secure says whether cookies need https.
func (a *App) secure() bool { return strings.HasPrefix(a.self, "https://") }

func (a *App) home(w http.ResponseWriter, _ *http.Request) error {
	server := a.client.Server
	return write(w, http.StatusOK, "home", struct{ Base, Client, Account string }{server.Base, a.client.ID, server.Configuration.ManagementEndpoint})
}
