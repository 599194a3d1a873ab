package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records/tenancy"
	ward "github.com/inglehealth/ingle/service/clinic"
	"github.com/inglehealth/ingle/service/console"
	"github.com/inglehealth/ingle/service/desk"
	"github.com/inglehealth/ingle/service/gallery"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/portal"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/store/sqlite"
)

// entrances are the rooms of the house, in the order of the menu.
var entrances = []pages.Entrance{
	{Name: ward.Name, Path: ward.Path, Words: "Find a patient, read the chart at a glance, add to it, and launch apps in it, as clinicians do.", Roles: ward.Roles()},
	{Name: portal.Name, Path: portal.Path, Words: "See your record in plain words, which apps use it, choose who may see what, and find out who looked.", Roles: portal.Roles},
	{Name: gallery.Name, Path: gallery.Path, Words: "Find apps: what each is for, what it asks for and what it really uses, what others think of it."},
	{Name: desk.Name, Path: desk.Path, Words: "Register an app, launch it as record systems of all kinds would, and read in a trace what went wrong and how to set it right.", Roles: desk.Roles()},
	console.Entrance(),
	{Name: "Account", Path: "/account", Words: "See which apps may use your data, end that, and manage how you sign in.", Roles: identity.Roles()},
}

// furnish mounts the pages of the house.
func (a *authorization) furnish(site *web.Site, c console.Config) {
	a.house.Mount(site)
	ward.New(a.house).Mount(site)
	portal.Mount(site, a.house)
	gallery.New(a.house).Mount(site)
	desk.Mount(a.house, site)
	c.House = a.house
	console.Mount(site, c)
}

// localhost is the public URL of a sandbox on the loopback interface: by that name,
// since the sample apps go by the address, and cookies know hosts, not ports.
func localhost(base string) string {
	u, err := url.Parse(base)
	if err != nil || !isLoopback(u.Hostname()) {
		return base
	}
	u.Host = net.JoinHostPort("localhost", u.Port())
	return u.String()
}

// console is what the console shows of this process. patients is nil but in a sandbox.
func (c *serveCommand) console(m *mounts, office *tenancy.Office, patients *sandbox) console.Config {
	config := console.Config{Tenants: m.tenants.Tenants, Office: office, Version: version(), Database: "PostgreSQL", Begun: time.Now()}
	if c.Database == "" {
		config.Database = "SQLite"
		config.Disk = func() (uint64, error) { return sqlite.FreeBytes(c.folder()) }
	}
	config.FirstLink = func(ctx context.Context, tenant string) (string, error) {
		link, err := m.who.firstLink(ctx, tenant)
		if errors.Is(err, errNotServed) {
			return "", nil
		}
		return link, err
	}
	config.Sandbox = patients != nil
	config.Reset = func(ctx context.Context, tenant string) error {
		if tenant == "" {
			return patients.reset(context.WithoutCancel(ctx)) // whoever asked for it may be gone
		}
		return m.reset(ctx, tenant)
	}
	return config
}
