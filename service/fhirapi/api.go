// Package fhirapi is the FHIR REST interface: one file per interaction or
// operation, each thin over a records.Session.
//
// R4 §3.1 RESTful API.
package fhirapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Config is what an API needs.
type Config struct {
	Tenants *records.Tenants // required
	Version string           // of the software, for the CapabilityStatement
	Log     *slog.Logger     // nil: slog.Default()
	// Patience bounds a search, History a history and Evaluation an operation that only
	// reads; 0: 60 s, and as Patience. Writes are not bounded, since nobody may be told
	// "failed" of what was committed.
	Patience, History, Evaluation time.Duration
	// Gate lets in searches, histories, operations and Bundles by turns; nil: all at once.
	Gate *limits.Gate
	// Clock is the time shown in Bundles and used by FHIRPath's now(); nil:
	// time.Now.
	Clock func() time.Time
	// Authenticate opens the session of a request. An error of kind
	// Unauthenticated is answered with 401 and a challenge (RFC 6750). It is not
	// asked for /metadata and preflights. nil: everybody may do everything, which
	// is for the loopback interface only.
	Authenticate func(r *http.Request, door *records.Door) (*records.Session, error)
	// Ask opens the session that a user, an app or both would have for a purpose, to
	// have it explained to who sent a request, and says what this one may be told of
	// it. A user is a login or a reference; "" and no client: who asks. Needed when
	// Authenticate is set.
	Ask func(r *http.Request, door *records.Door, user, client, purpose string) (*records.Session, records.Disclosure, error)
	// BreakGlass breaks the glass for who sent a request and a patient, for a reason;
	// MendGlass ends that. Needed when Authenticate is set.
	BreakGlass func(r *http.Request, door *records.Door, patient fhir.ID, reason string) (records.Glass, error)
	MendGlass  func(r *http.Request, door *records.Door, patient fhir.ID) error
	// OAuth tells where the authorization server of a door is, for the
	// CapabilityStatement; needed when Authenticate is set.
	OAuth func(door *records.Door) OAuth
	// Traced is told of every request that was answered, of its path below the base and
	// of the error; nil: nobody is.
	Traced func(r *http.Request, door *records.Door, path string, status int, failure error)
	// Operations are those that other services perform.
	Operations []Mounted
	// Bind makes a token by which a WebSocket is told of subscriptions that the session
	// may have; nil: there are no WebSockets. WebSocket is their address, for the
	// CapabilityStatement, and Channels are the ways in which subscribers are told.
	Bind      func(ctx context.Context, session *records.Session, ids []fhir.ID) (Binding, error)
	WebSocket func(door *records.Door) string
	Channels  []string
	// Start says that others answer browsers at the root.
	Start bool
	// Origins says whether the pages of an origin may use a door's API, as
	// browsers ask by CORS; nil: none may. /metadata is for all.
	Origins func(ctx context.Context, door *records.Door, origin string) bool
}

// OAuth is where an authorization server is: absolute URLs, "" for what it does
// not have.
type OAuth struct{ Authorize, Token, Register, Manage, Introspect, Revoke string }

// Binding is a token that binds a WebSocket at an address to subscriptions.
type Binding struct {
	Token         string
	Until         time.Time
	Subscriptions []fhir.ID
	Address       string
}

// API serves every tenant's FHIR base. It is safe for concurrent use.
type API struct {
	config       Config
	shapes       *shapes
	operations   map[string]*operation
	mu           sync.Mutex
	capabilities map[capabilityKey]capability
	hidden       chan struct{} // a place for each event of something hidden that is being made
}

// New makes an API.
func New(c Config) *API {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Patience <= 0 {
		c.Patience = time.Minute
	}
	c.History, c.Evaluation = cmp.Or(c.History, c.Patience), cmp.Or(c.Evaluation, c.Patience)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &API{config: c, shapes: newShapes(), operations: operations(c.Operations), capabilities: map[capabilityKey]capability{}, hidden: make(chan struct{}, hiddenAtOnce)}
}

// Mount puts the default tenant at /fhir and the others at /t/{tenant}/fhir, with a
// page for people at the root of each.
func (a *API) Mount(site *web.Site) {
	site.Handle("/fhir", http.HandlerFunc(a.serveDefault))
	site.Handle("/fhir/", http.HandlerFunc(a.serveDefault))
	site.Handle("/t/{tenant}/fhir", http.HandlerFunc(a.serveTenant))
	site.Handle("/t/{tenant}/fhir/", http.HandlerFunc(a.serveTenant))
	if !a.config.Start {
		site.Handle("GET /{$}", http.HandlerFunc(a.home))
		site.Handle("GET /t/{tenant}/{$}", http.HandlerFunc(a.home))
	}
}

func (a *API) serveDefault(w http.ResponseWriter, r *http.Request) {
	a.serve(w, r, "", r.URL.Path[len("/fhir"):])
}

func (a *API) serveTenant(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("tenant")
	rest := r.URL.Path[len("/t/"):]
	for len(rest) > 0 && rest[0] != '/' {
		rest = rest[1:]
	}
	if name == "" || len(rest) < len("/fhir") {
		web.Fail(w, r, errTenant())
		return
	}
	a.serve(w, r, name, rest[len("/fhir"):])
}
