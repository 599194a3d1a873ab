package desk

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

var newTemplate = pages.Parse(pageFiles, "new.html", "page/settings.html")

// defaultScope is what the form offers.
const defaultScope = "openid fhirUser launch launch/patient offline_access patient/*.rs"

// settings are what a form says of an app.
type settings struct {
	Kind                                                    string
	Name, Redirects, Launch, Home, Policy, Scope, Keys, URI string
	Banner                                                  string // who shows the patient in a chart: "chart" or "app"
	frame                                                   *pages.Frame
}

// readSettings takes them from the visitor's form.
func readSettings(v *pages.Visit) settings {
	var s settings
	for name, value := range map[string]*string{
		"kind": &s.Kind, "client_name": &s.Name, "redirect_uris": &s.Redirects, "launch": &s.Launch, "home": &s.Home,
		"policy": &s.Policy, "scope": &s.Scope, "banner": &s.Banner, "jwks": &s.Keys, "jwks_uri": &s.URI,
	} {
		*value = strings.TrimSpace(v.Form.Get(name))
	}
	return s
}

// Fields are those that every app has, with what was wrong with them.
func (s settings) Fields() []pages.Field {
	at := func(id string) string { return s.frame.Problem(id) }
	return []pages.Field{
		{ID: "client_name", Label: "Name", Hint: "As users will see it.", Value: s.Name, Error: at("client_name")},
		{ID: "redirect_uris", Label: "Addresses that it is led back to (redirect_uri)", Hint: "One a line, with https; http on localhost and 127.0.0.1. None for a backend service.", Value: s.Redirects, Rows: 2, Code: true, Optional: true, Error: at("redirect_uris")},
		{ID: "launch", Label: "Address at which it is launched", Hint: "If it can be launched from the record system. It gets the parameters iss and launch.", Type: "url", Value: s.Launch, Optional: true, Error: at("initiate_login_uri")},
		{ID: "banner", Label: "In a chart, who the patient is", Choices: pages.Choices(s.Banner, "chart", "stands above the app", "app", "the app shows (need_patient_banner)"), Open: true},
		{ID: "scope", Label: "Scopes that it may ask for", Hint: "With spaces between them. Ask for the least: people see it.", Value: s.Scope, Rows: 2, Code: true, Error: at("scope")},
	}
}

// KeyFields are where the keys of an app with a key pair come from.
func (s settings) KeyFields() []pages.Field {
	return []pages.Field{
		{ID: "jwks_uri", Label: "Address of its JWK Set (jwks_uri)", Type: "url", Value: s.URI, Optional: true, Error: s.frame.Problem("jwks_uri")},
		{ID: "jwks", Label: "Or the JWK Set itself", Hint: "Remember to send it again, on the page of the app, whenever the keys change; an address is better.", Value: s.Keys, Rows: 4, Code: true, Optional: true, Error: s.frame.Problem("jwks")},
	}
}

// LinkFields are what users can read about an app.
func (s settings) LinkFields() []pages.Field {
	return []pages.Field{
		{ID: "home", Label: "Home page", Type: "url", Value: s.Home, Optional: true, Error: s.frame.Problem("client_uri")},
		{ID: "policy", Label: "Privacy policy", Type: "url", Value: s.Policy, Optional: true, Error: s.frame.Problem("policy_uri")},
	}
}

// apply writes the settings that an app may change after it was registered.
func (s settings) apply(c *identity.Client) error {
	scopes, err := smart.ParseScopes(strings.Join(strings.Fields(s.Scope), " "))
	if err != nil {
		return identity.Refuse(identity.InvalidClientMetadata, "scope: %v", err)
	}
	if scopes.Has(identity.ScopeIntrospect) || scopes.Has(identity.ScopeLaunch) {
		return identity.Refuse(identity.InvalidClientMetadata, "scope: %s and %s are given by an administrator, with the command line", identity.ScopeIntrospect, identity.ScopeLaunch)
	}
	c.Name, c.Redirects, c.LaunchURI, c.URI, c.PolicyURI, c.Scopes = s.Name, strings.Fields(s.Redirects), s.Launch, s.Home, s.Policy, scopes
	c.OwnBanner = s.Banner == "app"
	return nil
}

// client is a new app of the settings. Of keys that are to be generated it returns the
// private one, which is kept nowhere.
func (s settings) client() (c *identity.Client, private string, err error) {
	c = &identity.Client{Grants: []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken}}
	if err := s.apply(c); err != nil {
		return nil, "", err
	}
	switch s.Kind {
	case "public":
		c.Auth = identity.AuthNone
	case "secret":
		c.Auth = identity.AuthBasic
	case "keys":
		c.Auth = identity.AuthAsymmetric
	case "backend":
		c.Auth, c.Grants = identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}
	default:
		return nil, "", fault.New(fault.Unprocessable, fault.CodeValue, "kind", "choose what kind of app it is")
	}
	if c.Auth != identity.AuthAsymmetric {
		return c, "", nil
	}
	c.JWKS, c.JWKSURI = json.RawMessage(s.Keys), s.URI
	if s.Keys == "" && s.URI == "" {
		private, c.JWKS, err = generate()
	}
	return c, private, err
}

// Kinds are the choices of the form.
func (s settings) Kinds() []pages.Choice {
	return pages.Choices(s.Kind, "public", "Public: runs in browsers or on phones, and can keep no secret", "secret", "With a secret: runs on a server of yours",
		"keys", "With a key pair: runs on a server of yours and signs", "backend", "Backend service: works without users, by system/ scopes, and signs")
}

// KindProblem is what is wrong with the kind; "" for nothing.
func (s settings) KindProblem() string { return s.frame.Problem("kind") }

// newPage is the form by which an app is registered.
type newPage struct {
	settings
	Token, Action string
	Sandbox       bool
}

func showNew(v *pages.Visit) error {
	return writeNew(v, settings{Kind: "public", Scope: defaultScope}, nil)
}

func writeNew(v *pages.Visit, s settings, err error) error {
	f := frame(v, "Register an app", "/new", pages.Narrow)
	f.Problems = problemsOf(err)
	s.frame = &f
	page := newPage{s, f.Token, v.Path(Path + "/new"), v.Identity.Sandbox()}
	return v.Write(pages.StatusOf(f.Problems), f, newTemplate, page)
}

// register keeps a new app. It waits for approval, but in a sandbox, where nothing
// needs to be guarded, and its requests are traced there from the start.
func register(v *pages.Visit) error {
	v.Note(audit.Administer, "an app is registered")
	s := readSettings(v)
	c, private, err := s.client()
	if err == nil {
		err = room(v)
	}
	secret := ""
	if err == nil {
		c.Owner, c.Approved = v.User.ID, v.Identity.Sandbox()
		secret, err = v.Identity.CreateClient(v.R.Context(), c)
	}
	if problems := problemsOf(err); problems != nil {
		return writeNew(v, s, err)
	}
	if err != nil {
		return err
	}
	untraced := ""
	if c.Approved {
		err := v.Identity.Simulate(v.R.Context(), identity.Simulation{Client: c.ID, By: v.User.ID, Address: address(v)})
		if refused, ok := errors.AsType[*identity.Refused](err); ok {
			untraced = pages.Sentence(refused.Why) // the app is there, and its secret is shown only now
		} else if err != nil {
			return err
		}
	}
	return showSecret(v, secretPage{Title: "Your app is registered", Client: c, Secret: secret, Private: private, Untraced: untraced})
}

// fields are those of the form that a *identity.Refused may begin with.
var fields = []string{"client_name", "redirect_uris", "scope", "jwks", "jwks_uri", "kind"}

// problemsOf are what a visitor can set right about an app, at their fields.
func problemsOf(err error) []pages.Problem {
	if err == nil {
		return nil
	}
	r, ok := errors.AsType[*identity.Refused](err)
	if !ok {
		return pages.Problems(err)
	}
	field, _, _ := strings.Cut(r.Why, ":")
	switch {
	case slices.Contains(fields, field):
	case r.Code == identity.InvalidRedirectURI:
		field = "redirect_uris"
	default:
		field = ""
	}
	return []pages.Problem{{Field: field, Message: pages.Sentence(r.Why)}}
}

// secretPage shows the secret or the private key of an app, once, with what to do next.
type secretPage struct {
	Client          *identity.Client
	Title           string
	Secret, Private string
	FHIR            string
	Waits           bool
	Untraced        string // why its requests are not traced; "" if they are, or nobody wanted that
	Next, Launch    string
	Snippets        []snippet
}

var secretTemplate = pages.Parse(pageFiles, "secret.html", "page/snippets.html")

// showSecret completes the page of an app that has a title and what is shown once.
func showSecret(v *pages.Visit, page secretPage) error {
	c, at := page.Client, v.Path(Path+"/app/"+page.Client.ID)
	page.FHIR, page.Waits, page.Next, page.Launch, page.Snippets = v.Identity.FHIRBase(), !c.Approved, at, at+"/launch", snippets(v, c)
	return v.Write(http.StatusOK, frame(v, page.Title, "/new", pages.Wide), secretTemplate, page)
}
