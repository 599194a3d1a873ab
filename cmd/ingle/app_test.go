package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/apps/kit"
	chart "github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store/sqlite"
)

const sandboxPassword = "a lamp in the window"

// clinic is the sandbox with authorization, in this process.
type clinic struct {
	t        *testing.T
	base     string // of FHIR
	identity *identity.Service
}

func openClinic(t *testing.T) *clinic {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	quiet := slog.New(slog.DiscardHandler)
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	store, err := sqlite.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	door, err := records.Open(ctx, records.Config{Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: issuer + "/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	tenants := records.NewTenants(door)
	t.Cleanup(func() {
		server.Close()
		if err := tenants.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := newSandbox(door, store, sandboxCast).fill(ctx, sandboxCast); err != nil {
		t.Fatal(err)
	}
	c := &clinic{t: t, base: issuer + "/fhir"}
	c.identity, err = identity.Open(ctx, identity.Config{
		Store: store, Issuer: issuer, Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), Log: quiet, AllowPrivate: true,
		Passwords: identity.Cost{Memory: 64, Time: 1, Threads: 1}, // cheap
	})
	if err != nil {
		t.Fatal(err)
	}
	c.user("maria", identity.Patient, identity.Link{Type: "Patient", ID: "maria"})
	c.user("okafor", identity.Practitioner, identity.Link{Type: "Practitioner", ID: "okafor"})
	who := auth.New(auth.Config{Tenants: []auth.Tenant{{Door: door, Identity: c.identity}}, Log: quiet})
	site := web.New(web.Config{Log: quiet})
	who.Mount(site)
	fhirapi.New(fhirapi.Config{
		Tenants: tenants, Log: quiet, Authenticate: who.Authenticate, Origins: who.KnownOrigin,
		OAuth: func(door *records.Door) fhirapi.OAuth { return fhirapi.OAuth(who.Endpoints(door)) },
	}).Mount(site)
	server.Config.Handler = site
	server.Start()
	return c
}

func (c *clinic) user(login string, role identity.Role, link identity.Link) {
	c.t.Helper()
	u, err := c.identity.CreateUser(c.t.Context(), identity.User{Login: login, Name: login, Roles: []identity.Role{role}, Links: []identity.Link{link}})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.identity.SetPassword(c.t.Context(), u.ID, sandboxPassword); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) discover() *chart.Server {
	c.t.Helper()
	server, err := chart.Discover(c.t.Context(), c.base, chart.Options{})
	if err != nil {
		c.t.Fatal(err)
	}
	return server
}

// startChart serves the sample app, which registers itself; launch is where its
// standalone launch begins.
func (c *clinic) startChart() (client *chart.Client, launch string) {
	c.t.Helper()
	server := httptest.NewUnstartedServer(nil)
	self := "http://" + server.Listener.Addr().String()
	client, err := kit.Register(c.t.Context(), app.Plan(), c.discover(), self)
	if err != nil {
		c.t.Fatal(err)
	}
	server.Config.Handler = kit.New(app.Plan(), client, self)
	server.Start()
	c.t.Cleanup(server.Close)
	return client, self + "/launch?iss=" + url.QueryEscape(c.base)
}

// startApprovedChart is startChart after an administrator's approval.
func (c *clinic) startApprovedChart() (client *chart.Client, launch string) {
	c.t.Helper()
	client, launch = c.startChart()
	if err := c.identity.ApproveClient(c.t.Context(), client.ID); err != nil {
		c.t.Fatal(err)
	}
	return client, launch
}

func TestAnAppRegistersItselfReadsAChartAndGivesItsTokenBack(t *testing.T) {
	c := openClinic(t)
	client, launch := c.startChart()
	b := newBrowser(t)
	b.open(launch).has("not yet approved")
	if err := c.identity.ApproveClient(t.Context(), client.ID); err != nil {
		t.Fatal(err)
	}
	consent := b.open(launch).fill("login", "maria", "password", sandboxPassword).submit("")
	consent.has("Chart")
	shown := consent.submit("allow")
	shown.has("<h1>Maria Elena Delgado</h1>", "1964-03-17", "Diabetes", "mmHg", "patient/Observation.rs", c.base+"/Patient/maria")
	shown.action(shown.address.Path + "/refresh").submit("").has("<h1>Maria Elena Delgado</h1>")
	shown.action(shown.address.Path + "/revoke").submit("").has("401 Unauthorized")
}

func TestAnAppThatAUserRestrictsShowsLess(t *testing.T) {
	c := openClinic(t)
	_, launch := c.startApprovedChart()
	consent := newBrowser(t).open(launch).fill("login", "maria", "password", sandboxPassword).submit("")
	consent.untick("patient/Condition.rs").submit("allow").has("Maria Elena Delgado", "You did not allow the app to read conditions.", "mmHg")
}

func TestAnAppThatAUserDeniesReadsNothing(t *testing.T) {
	c := openClinic(t)
	_, launch := c.startApprovedChart()
	consent := newBrowser(t).open(launch).fill("login", "maria", "password", sandboxPassword).submit("")
	consent.submit("deny").has("It has read nothing")
}

func TestAPhysicianChoosesWhoseChartAnAppOpens(t *testing.T) {
	c := openClinic(t)
	_, launch := c.startApprovedChart()
	choice := newBrowser(t).open(launch).fill("login", "okafor", "password", sandboxPassword).submit("")
	choice.fill("patient", "walter").submit("").submit("allow").has("<h1>Walter", "/Practitioner/okafor")
}

func TestAnEHRLaunchesAnApp(t *testing.T) {
	c := openClinic(t)
	client, launch := c.startApprovedChart()
	u, err := c.identity.UserByLogin(t.Context(), "okafor")
	if err != nil {
		t.Fatal(err)
	}
	handle, err := c.identity.RegisterLaunch(t.Context(), identity.Launch{Client: client.ID, User: u.ID, Context: smart.Context{Patient: "maria", Intent: "review"}})
	if err != nil {
		t.Fatal(err)
	}
	consent := newBrowser(t).open(launch+"&launch="+url.QueryEscape(handle)).fill("login", "okafor", "password", sandboxPassword).submit("")
	consent.submit("allow").has("<h1>Maria Elena Delgado</h1>", "<dd>review</dd>")
}

// signIn has maria allow a client of the test's own what it asks for.
func (c *clinic) signIn(scopes chart.Scopes) (*chart.Client, *chart.Token) {
	c.t.Helper()
	answers := make(chan url.Values, 1)
	back := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { answers <- r.URL.Query() }))
	defer back.Close()
	server := c.discover()
	made, err := server.Register(c.t.Context(), chart.Registration{
		Name: "Phone", Redirects: []string{back.URL}, Authentication: "none", Scope: scopes.String(), GrantTypes: []string{"authorization_code", "refresh_token"},
	}, "")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.identity.ApproveClient(c.t.Context(), made.ID); err != nil {
		c.t.Fatal(err)
	}
	client := &chart.Client{Server: server, ID: made.ID, Redirect: back.URL}
	attempt, err := client.Authorize(chart.Request{Scopes: scopes})
	if err != nil {
		c.t.Fatal(err)
	}
	newBrowser(c.t).open(attempt.URL).fill("login", "maria", "password", sandboxPassword).submit("").submit("allow")
	token, err := client.Finish(c.t.Context(), attempt, <-answers)
	if err != nil {
		c.t.Fatal(err)
	}
	return client, token
}

func TestManyReadersRenewATokenOnce(t *testing.T) {
	c := openClinic(t)
	client, first := c.signIn(chart.Scopes{"openid", "offline_access", "launch/patient", "patient/Patient.r"})
	var kept atomic.Int32
	source := client.Source(first, func(*chart.Token) { kept.Add(1) })
	fhir := &http.Client{Timeout: time.Minute, Transport: &chart.Transport{Server: client.Server, Source: source}}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := source.Renew(t.Context(), first); err != nil {
				t.Error(err)
			}
			if status, body := send(t.Context(), fhir, http.MethodGet, c.base+"/Patient/maria", ""); status != http.StatusOK {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	all.Wait()
	if now := source.Current(); kept.Load() != 1 || now.Refresh == first.Refresh || now.Context.Patient != "maria" {
		t.Errorf("%d renewals; the token is %+v", kept.Load(), now)
	}
}

// A service, by the Go client: its tokens, what they reach, introspection and
// revocation.
func TestAServiceReadsBySystemScopes(t *testing.T) {
	c := openClinic(t)
	key, err := chart.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	server := c.discover()
	made, err := server.Register(t.Context(), chart.Registration{
		Name: "Night job", Authentication: "private_key_jwt", GrantTypes: []string{"client_credentials"}, Scope: "system/Patient.rs", Keys: key.Public(),
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	client := &chart.Client{Server: server, ID: made.ID, Auth: key}
	source := client.Service(chart.Scopes{"system/Patient.rs"})
	if _, err := source.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "approved") {
		t.Errorf("before the approval: %v", err)
	}
	if err := c.identity.ApproveClient(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	fhir := &http.Client{Timeout: time.Minute, Transport: &chart.Transport{Server: server, Source: source}}
	for path, want := range map[string]int{"/Patient/maria": http.StatusOK, "/Condition?patient=maria": http.StatusForbidden} {
		if status, body := send(t.Context(), fhir, http.MethodGet, c.base+path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	token := source.Current()
	if about, err := client.Introspect(t.Context(), token.Access); err != nil || !about.Active || about.Scope != "system/Patient.rs" {
		t.Errorf("%+v, error %v", about, err)
	}
	if err := client.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if about, err := client.Introspect(t.Context(), token.Access); err != nil || about.Active {
		t.Errorf("after the revocation: %+v, error %v", about, err)
	}
	if status, body := send(t.Context(), fhir, http.MethodGet, c.base+"/Patient/maria", ""); status != http.StatusOK { // with a new token
		t.Errorf("%d %s", status, body)
	}
	if source.Current() == token {
		t.Error("the revoked token was not replaced")
	}
}
