package main

import (
	"net"
	"net/url"

	"github.com/inglehealth/ingle/identity"
	ward "github.com/inglehealth/ingle/service/clinic"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/portal"
	"github.com/inglehealth/ingle/service/web"
)

// entrances are the rooms of the house, in the order of the menu.
var entrances = []pages.Entrance{
	{Name: ward.Name, Path: ward.Path, Words: "Find a patient, read the chart at a glance, add to it, and launch apps in it, as clinicians do.", Roles: ward.Roles()},
	{Name: portal.Name, Path: portal.Path, Words: "See your record in plain words, which apps use it, choose who may see what, and find out who looked.", Roles: portal.Roles},
	{Name: "Account", Path: "/account", Words: "See which apps may use your data, end that, and manage how you sign in.", Roles: identity.Roles()},
}

// furnish mounts the pages of the house.
func (a *authorization) furnish(site *web.Site) {
	a.house.Mount(site)
	ward.New(a.house).Mount(site)
	portal.Mount(site, a.house)
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
