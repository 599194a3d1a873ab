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
	"github.com/inglehealth/ingle/service/auth"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

// authorizationFlags say how identities are kept.
type authorizationFlags struct {
	KeyFile          string `placeholder:"FILE" help:"${keyfile}"`
	AllowPrivateKeys bool   `name:"allow-private-jwks" help:"Fetch key sets of apps and documents of sign-in providers from private addresses, too, and over http: for development."`
	Brand            string `placeholder:"FILE" help:"JSON of the user-access brand by which apps let patients find this server, without --tenant (docs/accounts.md)."`
}

// authorization is who may do what, of every tenant.
type authorization struct {
	server   *auth.Server
	services map[string]*identity.Service
	house    *pages.House
}

// authorize opens the identity of every tenant.
//
// On SQLite it answers the commands about them as well.
func (c *serveCommand) authorize(ctx context.Context, m *Main, tenants *openTenants, key *identity.KeyFile, base string, log logger) (*authorization, error) {
	brand, err := c.brand()
	if err != nil {
		return nil, err
	}
	a := &authorization{services: map[string]*identity.Service{}, house: &pages.House{Log: log, Sandbox: c.Sandbox, Entrances: entrances, Done: ctx.Done()}}
	var served []auth.Tenant
	for _, name := range tenants.Names() {
		var logins []string
		if c.Sandbox && name == "" {
			logins = sandboxLogins()
		}
		door, _ := tenants.Door(name)
		in, err := identity.Open(ctx, identity.Config{
			Store: tenants.stores[name], Issuer: issuerOf(base, name), Secret: key, Log: log, AllowPrivate: c.AllowPrivateKeys, Sandbox: logins,
			Counts: c.watching.counts, Tenant: name, Addresses: signIns{door.Limits()},
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", called(name), err)
		}
		a.services[name] = in
		t := auth.Tenant{Door: door, Identity: in}
		if name == "" {
			t.Brand = brand
		}
		served = append(served, t)
	}
	a.server = auth.New(auth.Config{Tenants: served, Log: log, House: a.house})
	a.house.Visitors = a.server
	if err := c.answerCommands(ctx, m, a.services, tenants, log); err != nil {
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

// answerCommands has the commands work that are given on the folder while the server runs.
func (c *serveCommand) answerCommands(ctx context.Context, m *Main, services map[string]*identity.Service, tenants *openTenants, log logger) error {
	if c.Database != "" {
		return nil
	}
	orders, err := startControl(ctx, c.folder(), services, tenants.Tenants, log)
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
	for name, in := range a.services {
		if _, err := in.JWKS(ctx); err != nil && ctx.Err() == nil {
			log.Error("the signing keys cannot be read", "tenant", name, "error", err)
		}
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for name, in := range a.services {
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
		password, err := peopleSandbox(ctx, a.services[""])
		if err != nil {
			return err
		}
		if password != "" {
			fmt.Fprintf(out, "Open %s in a browser. People of the sandbox sign in there with one click, or by name (maria, a patient; freja, who acts for her daughter; okafor, a physician; brandt, a physician who writes apps; vega, a privacy officer; admin) with the password %s, shown this once.\n", a.services[""].Issuer(), password)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.services)) {
		in := a.services[name]
		secret, err := in.FirstLink(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", called(name), err)
		}
		if secret != "" {
			fmt.Fprintf(out, "There is no administrator of the %s yet. Who opens this link, within a day, becomes one:\n  %s\n", called(name), auth.FirstURL(in.Issuer(), secret))
		}
	}
	return nil
}

// sandboxTokenLife is how long the token that a sandbox shows is good.
const sandboxTokenLife = 8 * time.Hour

// sandboxToken makes a token to try the sandbox with.
func (a *authorization) sandboxToken(ctx context.Context) (string, error) {
	return a.services[""].CreateToken(ctx, "shown by the sandbox", smart.Scopes{"system/*.cruds"}, sandboxTokenLife)
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
		if password == "" {
			continue
		}
		if err := in.SetPassword(ctx, made.ID, password); err != nil {
			return "", fmt.Errorf("sandbox: user %s: %w", u.Login, err)
		}
	}
	return password, nil
}
