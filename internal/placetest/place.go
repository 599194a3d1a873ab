// Package placetest makes servers for the tests of what stands on the door: a store with the door to its records, accounts and
// the authorization server on one site, which answers on the loopback interface until the test ends.
package placetest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// Config says what is not as usual about a place. The functions change what the parts are opened with; each may be nil.
type Config struct {
	Tenant   string
	Dir      string       // of SQLite; "" is one of its own
	House    *pages.House // what its pages stand in; nil for none
	Records  func(*records.Config)
	Identity func(*identity.Config)
	Auth     func(*auth.Config)
	Mount    func(*Place) // mounts rooms on the site, before it answers
}

// Place is a server of a test's own.
type Place struct {
	T        testing.TB
	URL      string // of its pages, and the issuer of its tokens
	Store    store.Store
	Log      *audit.Log
	Door     *records.Door
	Identity *identity.Service
	Auth     *auth.Server
	Site     *web.Site
	House    *pages.House
}

// Open opens one. It ends with the test; what a test registers with Cleanup afterwards ends before it.
func Open(t testing.TB, c Config) *Place {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	handler := http.NewServeMux()
	server := httptest.NewServer(handler)
	p := &Place{T: t, URL: server.URL, House: c.House, Store: OpenStore(t, c.Dir)}
	if c.Tenant != "" {
		p.URL += "/t/" + c.Tenant
	}
	rc := records.Config{Name: c.Tenant, Store: p.Store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: p.URL + "/fhir", Policy: records.DefaultPolicy()}
	change(c.Records, &rc)
	var err error
	if p.Log, err = audit.Open(ctx, audit.Config{Store: p.Store, Secret: Plain{}, Origin: p.URL, Clock: rc.Clock}); err != nil {
		t.Fatal(err)
	}
	rc.Audit = p.Log
	if p.Door, err = records.Open(ctx, rc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Door.Close(); err != nil {
			t.Error(err)
		}
	})
	quiet := slog.New(slog.DiscardHandler)
	ic := identity.Config{Store: p.Store, Issuer: p.URL, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), Clock: rc.Clock, Log: quiet, AllowPrivate: true,
		Passwords: identity.Cost{Memory: 64, Time: 1, Threads: 1}} // cheap: real ones are tested in package identity
	change(c.Identity, &ic)
	if p.Identity, err = identity.Open(ctx, ic); err != nil {
		t.Fatal(err)
	}
	ac := auth.Config{Tenants: make([]auth.Tenant, 1), Log: quiet, Clock: rc.Clock, House: p.House}
	change(c.Auth, &ac)
	ac.Tenants[0].Door, ac.Tenants[0].Identity = p.Door, p.Identity
	p.Auth = auth.New(ac)
	p.Site = web.New(web.Config{Log: quiet})
	p.Auth.Mount(p.Site)
	if p.House != nil {
		p.House.Log, p.House.Clock, p.House.Visitors = quiet, rc.Clock, p.Auth
		p.House.Mount(p.Site)
	}
	change(c.Mount, p)
	handler.Handle("/", p.Site)
	t.Cleanup(server.Close)
	return p
}

func change[C any](f func(*C), c *C) {
	if f != nil {
		f(c)
	}
}

// MountFHIR mounts the FHIR API under the place's authorization.
func (p *Place) MountFHIR(changes func(*fhirapi.Config)) {
	a := p.Auth
	c := fhirapi.Config{
		Tenants: records.NewTenants(p.Door), Version: "test", Log: slog.New(slog.DiscardHandler), Authenticate: a.Authenticate, Origins: a.KnownOrigin, Ask: a.Ask,
		BreakGlass: a.BreakGlass, MendGlass: a.MendGlass, Traced: a.Traced, OAuth: func(d *records.Door) fhirapi.OAuth { return fhirapi.OAuth(a.Endpoints(d)) },
	}
	change(changes, &c)
	fhirapi.New(c).Mount(p.Site)
}

// OpenStore opens PostgreSQL for tests whose name ends so, else SQLite in a folder, for "" in one of the test's own.
func OpenStore(t testing.TB, dir string) store.Store {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var s store.Store
	var err error
	switch {
	case strings.HasSuffix(t.Name(), "PostgreSQL"):
		s, err = postgres.Open(ctx, pgtest.URL(t), pgtest.Schema())
	case dir == "":
		s, err = sqlite.Open(ctx, t.TempDir())
	default:
		s, err = sqlite.Open(ctx, dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Put stores resources, past what anybody may do.
func (p *Place) Put(resources ...string) {
	p.T.Helper()
	s := p.Door.Session(records.Principal{ID: "test"}, nil)
	for _, text := range resources {
		var k struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			p.T.Fatalf("%v: %s", err, text)
		}
		if _, err := s.Update(p.T.Context(), fhir.Key{Type: fhir.Type(k.ResourceType), ID: fhir.ID(k.ID)}, records.Content{JSON: []byte(text)}, records.UpdateOptions{}); err != nil {
			p.T.Fatalf("%v: %s", err, text)
		}
	}
}

// User makes an account.
func (p *Place) User(u identity.User) *identity.User {
	p.T.Helper()
	made, err := p.Identity.CreateUser(p.T.Context(), u)
	if err != nil {
		p.T.Fatal(err)
	}
	return made
}

// Plain is an audit.Sealer that seals nothing.
type Plain struct{}

func (Plain) Seal(_ string, secret []byte) ([]byte, error) { return secret, nil }
func (Plain) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }
