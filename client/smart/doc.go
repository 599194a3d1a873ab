// Package smart is a client of SMART App Launch: what an app or a service needs
// to be let in by the authorization server of a FHIR server, any that follows
// the standards.
//
// An app that a person uses:
//
//	server, err := smart.Discover(ctx, "https://ehr.example/fhir", smart.Options{})
//	client := &smart.Client{Server: server, ID: "my-app", Redirect: "https://my.app/callback"}
//	attempt, err := client.Authorize(smart.Request{Scopes: scopes})
//	// send the browser to attempt.URL and keep attempt in its session; at /callback:
//	token, err := client.Finish(ctx, attempt, r.URL.Query())
//	source := client.Source(token, save)
//	fhir := &http.Client{Transport: &smart.Transport{Server: server, Source: source}}
//
// A service that acts by itself has a Key and calls Client.Service in place of
// the middle four lines.
//
// SMART App Launch 2.2, https://hl7.org/fhir/smart-app-launch/STU2.2/
package smart

import "github.com/inglehealth/ingle/spec/smart"

// Scopes and Context are those of the standard.
type (
	Scopes  = smart.Scopes
	Context = smart.Context
)
