// Package auth is the authorization server over HTTP: SMART App Launch, OAuth
// 2.0 and OpenID Connect, one file a grant or endpoint, thin over
// identity.Service. Authorization requests go through one dispatcher.
//
// SMART App Launch 2.2, RFC 6749, OpenID Connect Core 1.0.
package auth

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// Tenant is one tenant's records and identity. The name of the Door says where
// its endpoints are.
type Tenant struct {
	Door     *records.Door
	Identity *identity.Service
	Brand    *Brand // of the brand file; nil for none
}

// Config is what a Server needs.
type Config struct {
	Tenants []Tenant         // required
	Log     *slog.Logger     // nil: slog.Default()
	Clock   func() time.Time // nil: time.Now
	House   *pages.House     // of the other rooms, for the menu; nil: there are none
	// Wait lets time pass, or ctx end, for slow record systems that a sandbox
	// simulates; nil: it does.
	Wait func(ctx context.Context, d time.Duration) error
}

// Server serves every tenant's endpoints. It is safe for concurrent use.
type Server struct {
	config  Config
	origins *http.CrossOriginProtection
	rules   *recent.Map[*identity.Access, *access.Rules]

	mu      sync.RWMutex
	tenants map[string]*tenant
}

// tenant is a Tenant with what its endpoints share.
type tenant struct {
	Tenant
	server  *Server
	name    string
	cookies cookies
	relates *access.Rules // with which relations are looked at, made once
}

// New makes a Server.
func New(c Config) *Server {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	s := &Server{config: c, tenants: map[string]*tenant{}, origins: http.NewCrossOriginProtection(), rules: recent.NewMap[*identity.Access, *access.Rules](rulesKept)}
	for _, t := range c.Tenants {
		s.Add(t)
	}
	return s
}

// Add serves a tenant, in the place of one of the same name.
func (s *Server) Add(t Tenant) {
	name := t.Door.Name()
	if u, err := url.Parse(t.Identity.Issuer()); err == nil {
		// A proxy may have changed the Host that the browser knows. What is no
		// origin is trusted by nobody.
		_ = s.origins.AddTrustedOrigin(u.Scheme + "://" + u.Host)
	}
	one := &tenant{
		Tenant: t, server: s, name: name, cookies: newCookies(t.Identity.Issuer(), name),
		relates: t.Door.Ownership().Rules(access.Grant{Scopes: choosing}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenants[name] = one
}

// Remove serves a tenant no more. No request to it may be under way.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tenants, name)
}

// tenant is the one of a name; nil when there is none.
func (s *Server) tenant(name string) *tenant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tenants[name]
}

// Mount puts the default tenant's endpoints at / and the others' at /t/{tenant}/.
func (s *Server) Mount(site *web.Site) {
	for _, e := range allEndpoints {
		handler := s.handler(e)
		site.Handle(e.path, handler)
		site.Handle("/t/{tenant}"+e.path, handler)
	}
	simulated := s.simulatedBase(site)
	for _, path := range []string{simulatedPath, simulatedPath + "/{rest...}"} {
		site.Handle(path, simulated)
		site.Handle("/t/{tenant}"+path, simulated)
	}
}

// endpoint is one address and what is done there.
type endpoint struct {
	path    string
	methods string // "GET, POST"
	cors    cors
	serve   func(*call) error
	// fail answers with the error that serve returned, in the endpoint's way.
	fail func(*call, error)
}

var endpoints = []endpoint{
	{"/fhir/.well-known/smart-configuration", "GET", corsAny, (*call).smartConfiguration, failJSON},
	{"/.well-known/openid-configuration", "GET", corsAny, (*call).openIDConfiguration, failJSON},
	{"/auth/jwks", "GET", corsAny, (*call).jwks, failJSON},
	{"/auth/style.json", "GET", corsAny, (*call).style, failJSON},
	{"/auth/authorize", "GET, POST", corsNone, (*call).authorize, failPage},
	{"/auth/request/{id}", "GET, POST", corsNone, (*call).request, failPage},
	{"/auth/token", "POST", corsClients, (*call).token, failJSON},
	{"/auth/introspect", "POST", corsClients, (*call).introspect, failJSON},
	{"/auth/revoke", "POST", corsClients, (*call).revoke, failJSON},
	{"/auth/register", "POST", corsNone, (*call).register, failJSON},
	{"/auth/launch", "POST", corsNone, (*call).launch, failJSON},
	{"/auth/userinfo", "GET, POST", corsClients, (*call).userinfo, failJSON},
	{"/auth/end-session", "GET, POST", corsNone, (*call).endSession, failPage},
}

var allEndpoints = slices.Concat(endpoints, accountEndpoints, signInEndpoints, outsideEndpoints, linkEndpoints, appStateEndpoints, brandEndpoints)

// call is one request at an endpoint.
type call struct {
	*tenant
	w     http.ResponseWriter
	r     *http.Request
	now   time.Time
	query url.Values       // of the URL
	act   *audit.Event     // what is recorded; nil for nothing
	asks  *records.Session // of roles and consents, in which records were asked last; nil for none
	step  *tracing         // what is traced for the developer of an app; nil for nothing
}

func (s *Server) handler(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := s.tenant(r.PathValue("tenant"))
		if t == nil {
			web.Fail(w, r, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no tenant of that name on this server."))
			return
		}
		if x := web.From(r.Context()); x != nil {
			x.Route = e.path
		}
		c := &call{tenant: t, w: w, r: r, now: s.config.Clock()}
		c.observe(e)
		c.trace(e)
		err := c.serve(e)
		if err != nil {
			c.refused(err)
			e.fail(c, err)
		}
		c.traced(err)
	})
}

func (c *call) serve(e endpoint) error {
	done, err := c.allowOrigin(e)
	if done || err != nil {
		return err
	}
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if !slices.Contains(strings.Split(e.methods, ", "), method) {
		c.w.Header().Set("Allow", e.methods+", OPTIONS")
		return fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "", "%s is not possible here; possible: %s.", fault.Shorten(c.r.Method), e.methods)
	}
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return identity.Refuse(identity.InvalidRequest, "the query of the address is not form-encoded")
	}
	return e.serve(c)
}

// url is the public address of one of the tenant's endpoints.
func (t *tenant) url(path string) string { return t.Identity.Issuer() + path }
