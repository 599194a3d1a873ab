package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// authorizationFlags say how identities are kept.
type authorizationFlags struct {
	KeyFile          string `placeholder:"FILE" help:"${keyfile}"`
	AllowPrivateKeys bool   `name:"allow-private-jwks" help:"Fetch key sets of apps and documents of sign-in providers from private addresses, too, and over http: for development."`
	Brand            string `placeholder:"FILE" help:"JSON of the user-access brand by which apps let patients find this server, without --tenant (docs/accounts.md)."`
}

// authorization is who may do what, of every tenant.
type authorization struct {
	server *auth.Server
	house  *pages.House
	config identity.Config // of each, but for what is the tenant's own
	base   string

	mu       sync.RWMutex
	services map[string]*identity.Service
}

// service is that of a tenant; nil when there is none of that name.
func (a *authorization) service(tenant string) *identity.Service {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.services[tenant]
}

// all are the services that there are now.
func (a *authorization) all() map[string]*identity.Service {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return maps.Clone(a.services)
}

// authorize opens the identity of every tenant.
//
// On SQLite it answers the commands about them as well.
func (c *serveCommand) authorize(ctx context.Context, m *Main, tenants *openTenants, office *tenancy.Office, key *identity.KeyFile, base string, log logger) (*authorization, error) {
	brand, err := c.brand()
	if err != nil {
		return nil, err
	}
	a := &authorization{
		services: map[string]*identity.Service{}, base: base,
		config: identity.Config{Secret: key, Log: log, AllowPrivate: c.AllowPrivateKeys, Counts: c.watching.counts},
		house:  &pages.House{Log: log, Sandbox: c.Sandbox, Entrances: entrances, Done: ctx.Done()},
	}
	var served []auth.Tenant
	for _, name := range tenants.Names() {
		var logins []string
		if c.Sandbox && name == "" {
			logins = sandboxLogins()
		}
		door, _ := tenants.Door(name)
		t, err := a.open(ctx, door, tenants.store(name), logins)
		if err != nil {
			return nil, err
		}
		if name == "" {
			t.Brand = brand
		}
		served = append(served, t)
	}
	a.server = auth.New(auth.Config{Tenants: served, Log: log, House: a.house})
	a.house.Visitors = a.server
	if err := c.answerCommands(ctx, m, a, office, tenants, log); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var sweeping sync.WaitGroup
	sweeping.Go(func() { a.sweep(ctx, log) })
	m.onClose(func() error {
		stop()
		sweeping.Wait()
		return nil
	})
	return a, nil
}

// open opens the identity of a tenant. logins are of those who sign in by one click.
func (a *authorization) open(ctx context.Context, door *records.Door, s store.Store, logins []string) (auth.Tenant, error) {
	name := door.Name()
	c := a.config
	c.Store, c.Issuer, c.Tenant, c.Sandbox, c.Addresses = s, issuerOf(a.base, name), name, logins, signIns{door.Limits()}
	in, err := identity.Open(ctx, c)
	if err != nil {
		return auth.Tenant{}, fmt.Errorf("%s: %w", called(name), err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.services[name] = in
	return auth.Tenant{Door: door, Identity: in}, nil
}

// add serves a tenant that has come.
func (a *authorization) add(ctx context.Context, door *records.Door, s store.Store) error {
	t, err := a.open(ctx, door, s, nil)
	if err != nil {
		return err
	}
	if _, err := t.Identity.JWKS(ctx); err != nil {
		a.forget(door.Name())
		return fmt.Errorf("the signing keys of %s: %w", called(door.Name()), err)
	}
	a.server.Add(t)
	return nil
}

// remove serves a tenant no more.
func (a *authorization) remove(name string) {
	a.server.Remove(name)
	a.forget(name)
}

func (a *authorization) forget(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.services, name)
}

// answerCommands has the commands work that are given on the folder while the server runs. who is nil on
// one that is open to all.
func (c *serveCommand) answerCommands(ctx context.Context, m *Main, who *authorization, office *tenancy.Office, tenants *openTenants, log logger) error {
	if c.Database != "" {
		return nil
	}
	orders, err := startControl(ctx, c.folder(), who, office, tenants.Tenants, log)
	if err != nil {
		return fmt.Errorf("commands beside the server: %w", err)
	}
	m.onClose(orders.close)
	return nil
}

// sweepEvery is how often what has expired is removed.
const sweepEvery = 10 * time.Minute

// sweep makes the first signing keys, so that nobody has to wait for them, and
// removes what has expired until ctx ends.
func (a *authorization) sweep(ctx context.Context, log logger) {
	for name, in := range a.all() {
		if _, err := in.JWKS(ctx); err != nil && ctx.Err() == nil {
			log.Error("the signing keys cannot be read", "tenant", name, "error", err)
		}
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for name, in := range a.all() {
			if err := in.Sweep(ctx); err != nil && ctx.Err() == nil {
				log.Warn("expired tokens were not removed", "tenant", name, "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// greet shows how the first administrator of each tenant signs in, where there is
// none, and who may sign in to the sandbox, the first time.
func (a *authorization) greet(ctx context.Context, out io.Writer, sandbox bool) error {
	if sandbox {
		password, err := peopleSandbox(ctx, a.service(""))
		if err != nil {
			return err
		}
		if password != "" {
			fmt.Fprintf(out, "Open %s in a browser. People of the sandbox sign in there with one click, or by name (maria, a patient; freja, who acts for her daughter; okafor, a physician; brandt, a physician who writes apps; vega, a privacy officer; admin) with the password %s, shown this once.\n", a.service("").Issuer(), password)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.all())) {
		link, err := a.firstLink(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", called(name), err)
		}
		if link != "" {
			fmt.Fprintf(out, "There is no administrator of the %s yet. Who opens this link, within a day, becomes one:\n  %s\n", called(name), link)
		}
	}
	return nil
}

// errNotServed says that a tenant is not served by this process.
var errNotServed = errors.New("it is not served")

// firstLink is a link by which somebody becomes the first administrator of a tenant; ""
// where there is one. errNotServed.
func (a *authorization) firstLink(ctx context.Context, tenant string) (string, error) {
	in := a.service(tenant)
	if in == nil {
		return "", errNotServed
	}
	secret, err := in.FirstLink(ctx)
	if err != nil || secret == "" {
		return "", err
	}
	return auth.FirstURL(in.Issuer(), secret), nil
}

// sandboxTokenLife is how long the token that a sandbox shows is good.
const sandboxTokenLife = 8 * time.Hour

// sandboxToken makes a token to try the sandbox with.
func (a *authorization) sandboxToken(ctx context.Context) (string, error) {
	return a.service("").CreateToken(ctx, "shown by the sandbox", smart.Scopes{"system/*.cruds"}, sandboxTokenLife)
}

// sandboxUsers are who may sign in to the sandbox.
var sandboxUsers = []identity.User{
	{Login: "maria", Name: "Maria Elena Delgado", Roles: []identity.Role{identity.Patient}, Links: []identity.Link{{Type: "Patient", ID: "maria"}}},
	{Login: "freja", Name: "Freja Lindqvist", Roles: []identity.Role{identity.Proxy}, Links: []identity.Link{{Type: "RelatedPerson", ID: "emma-mother"}}},
	{Login: "okafor", Name: "Dr. Okafor", Roles: []identity.Role{identity.Practitioner}, Links: []identity.Link{{Type: "Practitioner", ID: "okafor", PractitionerRole: "okafor-hearthside"}}},
	{Login: "brandt", Name: "Dr. Lena Brandt", Roles: []identity.Role{identity.AppDeveloper, identity.Practitioner}, Links: []identity.Link{{Type: "Practitioner", ID: "brandt", PractitionerRole: "brandt-hearthside"}}},
	{Login: "vega", Name: "Inés Vega, privacy officer", Roles: []identity.Role{identity.PrivacyOfficer}},
	{Login: "admin", Name: "Sandbox administrator", Roles: []identity.Role{identity.Administrator, identity.AppDeveloper}},
}

// sandboxLogins are the names by which they sign in.
func sandboxLogins() []string {
	var all []string
	for _, u := range sandboxUsers {
		all = append(all, u.Login)
	}
	return all
}

// peopleSandbox lets the sandbox's users sign in with a password that is made up
// and shown now; "" when they are there already. Those who came later sign in by one
// click only.
func peopleSandbox(ctx context.Context, in *identity.Service) (password string, err error) {
	if _, err := in.UserByLogin(ctx, sandboxUsers[0].Login); errors.Is(err, identity.ErrNotFound) {
		password = rand.Text()[:16]
	} else if err != nil {
		return "", err
	}
	var all []string
	for _, u := range sandboxUsers {
		if _, err := in.UserByLogin(ctx, u.Login); !errors.Is(err, identity.ErrNotFound) {
			if err != nil {
				return "", err
			}
			continue
		}
		made, err := in.CreateUser(ctx, u)
		if err != nil {
			return "", fmt.Errorf("sandbox: user %s: %w", u.Login, err)
		}
		all = append(all, made.ID)
	}
	if password == "" {
		return "", nil
	}
	if err := in.SetPasswordOf(ctx, all, password); err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	return password, nil
}
