// Package kit is what the sample SMART apps have in common: their launch, sessions,
// pages, elements of FHIR, charts and command. It asks FHIR servers by standard calls
// only, through client/smart, so that the apps work with any.
package kit

import (
	"io/fs"

	"github.com/inglehealth/ingle/client/smart"
)

// Plan is an app, whatever server it is for and wherever it runs. It is not changed
// once an App was made of it.
type Plan struct {
	ID         string       // "growth": its command, and what its cookies are called
	Name       string       // "Growth and vitals"
	Purpose    string       // a sentence for those who may want it
	Version    string       // of the app
	Categories []string     // of app galleries
	Scopes     smart.Scopes // to read what it shows
	Port       string       // that the command listens on unless told otherwise

	Files fs.FS // page/*.html, with a template for each page; page/logo.svg
	// Show writes the page that a launch leads to. Its templates have what Files and
	// the kit define: "top", "person", "bottom".
	Show func(*Visit) error
	// Forms are further actions on that page, by the last part of their address: what
	// POST does there.
	Forms map[string]func(*Visit) error
}

// scopes are what the app asks for: what it reads, who its user is, and to go on
// reading while the user is signed in, or longer if the server knows nothing else.
func (p *Plan) scopes(server *smart.Server, ehr bool) smart.Scopes {
	s := smart.Scopes{"launch/patient", "openid", "fhirUser", "offline_access"}
	if ehr {
		s[0] = "launch"
	}
	if server.Configuration.Has("permission-online") {
		s[3] = "online_access"
	}
	return append(s, p.Scopes...)
}

// allScopes are what it asks for in one launch or another.
func (p *Plan) allScopes(server *smart.Server) smart.Scopes {
	return append(smart.Scopes{"launch"}, p.scopes(server, false)...)
}
