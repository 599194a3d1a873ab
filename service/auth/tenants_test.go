package auth_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
)

// severalTenants is a place with tenants of those names, "" for the one at /fhir, in which
// the users named sign in as in a sandbox.
func severalTenants(t *testing.T, sandbox []string, names ...string) (*place, []auth.Tenant) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	handler := http.NewServeMux()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p := &place{t: t, url: server.URL, client: &http.Client{}}
	var tenants []auth.Tenant
	var doors []*records.Door
	for _, name := range names {
		issuer := server.URL
		if name != "" {
			issuer += "/t/" + name
		}
		store := placetest.OpenStore(t, "")
		door, err := records.Open(ctx, records.Config{Name: name, Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: issuer + "/fhir"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := door.Close(); err != nil {
				t.Error(err)
			}
		})
		id, err := identity.Open(ctx, identity.Config{Store: store, Issuer: issuer, Sandbox: sandbox, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key"))})
		if err != nil {
			t.Fatal(err)
		}
		doors, tenants = append(doors, door), append(tenants, auth.Tenant{Door: door, Identity: id})
	}
	log := slog.New(slog.DiscardHandler)
	site := web.New(web.Config{Log: log})
	a := auth.New(auth.Config{Tenants: tenants, Log: log})
	a.Mount(site)
	fhirapi.New(fhirapi.Config{
		Tenants: records.NewTenants(doors...), Log: log, Authenticate: a.Authenticate, Origins: a.KnownOrigin, Ask: a.Ask, BreakGlass: a.BreakGlass, MendGlass: a.MendGlass,
		OAuth: func(d *records.Door) fhirapi.OAuth { return fhirapi.OAuth(a.Endpoints(d)) },
	}).Mount(site)
	handler.Handle("/", site)
	return p, tenants
}

func TestATokenOfOneTenantIsNoneOfAnother(t *testing.T) {
	p, tenants := severalTenants(t, nil, "", "east")
	token, err := tenants[1].Identity.CreateToken(t.Context(), "x", smart.Scopes{"system/*.rs"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	bearer := "Bearer " + token
	p.do(p.client, "GET", p.url+"/t/east/fhir/Patient", nil, "Authorization", bearer).want(200)
	p.do(p.client, "GET", p.url+"/fhir/Patient", nil, "Authorization", bearer).want(401)
	east := p.do(p.client, "GET", p.url+"/t/east/fhir/.well-known/smart-configuration", nil).want(200).json()
	if east["issuer"] != p.url+"/t/east" || east["token_endpoint"] != p.url+"/t/east/auth/token" {
		t.Error(east)
	}
	if got := p.do(p.client, "GET", p.url+"/t/east/.well-known/openid-configuration", nil).want(200).json(); got["issuer"] != p.url+"/t/east" {
		t.Error(got)
	}
	p.do(p.client, "GET", p.url+"/t/west/.well-known/openid-configuration", nil).want(404)
	one := p.do(p.client, "GET", p.url+"/auth/jwks", nil).want(200).body
	two := p.do(p.client, "GET", p.url+"/t/east/auth/jwks", nil).want(200).body
	if one == two {
		t.Error("two tenants sign with the same keys")
	}
}
