package auth

import (
	"slices"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// detail is an element of authorization_details: FHIR servers that a token is
// good at (SMART §2.0.12, RFC 9396 §7).
type detail struct {
	Type      string   `json:"type"`
	Locations []string `json:"locations"`
	Versions  []string `json:"fhirVersions"`
	Scope     string   `json:"scope,omitempty"` // "": what the token has
}

// details says where a token with some scopes is good, when that is not only at
// the FHIR server that the client named: at app state, too.
func (c *call) details(client *identity.Client, scopes smart.Scopes) []detail {
	state := slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !opensState(s, client.Scopes) })
	if len(state) == 0 {
		return nil
	}
	version := []string{c.Door.Definitions("").Version}
	return []detail{
		{Type: "smart_on_fhir", Locations: []string{c.Identity.FHIRBase()}, Versions: version},
		{Type: "smart_on_fhir", Locations: []string{c.url(appStatePath)}, Versions: version, Scope: state.String()},
	}
}

// opensState says whether a scope is for app state of a code that the client is
// registered for.
func opensState(scope string, registered smart.Scopes) bool {
	asked, err := smart.ParseScope(scope)
	if err != nil {
		return false
	}
	code, ok := codeNamed(asked)
	return ok && slices.ContainsFunc(registered.Resources(), func(r smart.Scope) bool {
		return r.Level == asked.Level && namesState(r, asked.Interactions, code)
	})
}
