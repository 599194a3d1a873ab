package auth

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// ownClients lists the apps that the user registered.
func (v *visit) ownClients() error {
	page := clientsPage{frame: v.frame("Your own apps", "/account/developer"), Own: true, Base: v.url("/account/developer/app/"), New: v.url("/account/developer/new")}
	return v.listClients(page, v.session.UserID)
}

// newClientPage is the form by which an app is registered.
type newClientPage struct {
	frame
	Kind                                                    string
	Name, Redirects, Launch, Home, Policy, Scope, Keys, URI string
}

// secretPage shows the secret of an app, once.
type secretPage struct {
	frame
	Client             *identity.Client
	Secret, Back, FHIR string
	Waits              bool
}

// defaultScope is what the form offers.
const defaultScope = "openid fhirUser launch launch/patient offline_access patient/*.rs"

// newClient registers an app of the user. It waits for approval.
func (v *visit) newClient() error {
	page := newClientPage{frame: v.frame("Register an app", "/account/developer"), Kind: "public", Scope: defaultScope}
	if v.r.Method != http.MethodPost {
		return v.writeFrame(http.StatusOK, page.frame, newClientTemplate, page)
	}
	for name, value := range map[string]*string{
		"kind": &page.Kind, "client_name": &page.Name, "redirect_uris": &page.Redirects, "launch": &page.Launch, "home": &page.Home,
		"policy": &page.Policy, "scope": &page.Scope, "jwks": &page.Keys, "jwks_uri": &page.URI,
	} {
		*value = strings.TrimSpace(v.form.Get(name))
	}
	c, err := page.client()
	if err == nil {
		err = v.roomForClient()
	}
	secret := ""
	if err == nil {
		c.Owner = v.session.UserID
		secret, err = v.Identity.CreateClient(v.r.Context(), c)
	}
	if page.Problems = problems(err); page.Problems != nil {
		return v.writeFrame(http.StatusUnprocessableEntity, page.frame, newClientTemplate, page)
	}
	if err != nil {
		return err
	}
	return v.showSecret("Your app is registered", c, secret)
}

// maxOwnClients is how many apps one user may register.
const maxOwnClients = 100

func (v *visit) roomForClient() error {
	n := 0
	err := v.Identity.Clients(v.r.Context(), v.session.UserID, func(*identity.Client) error {
		n++
		return nil
	})
	if err == nil && n >= maxOwnClients {
		err = fault.New(fault.Unprocessable, fault.CodeBusinessRule, "", "you have registered %d apps, which is the most; delete one", n)
	}
	return err
}

// client is what the form describes.
func (p *newClientPage) client() (*identity.Client, error) {
	scopes, err := smart.ParseScopes(strings.Join(strings.Fields(p.Scope), " "))
	if err != nil {
		return nil, identity.Refuse(identity.InvalidClientMetadata, "scope: %v", err)
	}
	if scopes.Has(identity.ScopeIntrospect) || scopes.Has(identity.ScopeLaunch) {
		return nil, identity.Refuse(identity.InvalidClientMetadata, "scope: %s and %s are given by an administrator, with the command line", identity.ScopeIntrospect, identity.ScopeLaunch)
	}
	c := &identity.Client{
		Name: p.Name, Redirects: strings.Fields(p.Redirects), LaunchURI: p.Launch, URI: p.Home, PolicyURI: p.Policy,
		Scopes: scopes, Grants: []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken},
	}
	switch p.Kind {
	case "public":
		c.Auth = identity.AuthNone
	case "secret":
		c.Auth = identity.AuthBasic
	case "keys":
		c.Auth = identity.AuthAsymmetric
	case "backend":
		c.Auth, c.Grants = identity.AuthAsymmetric, []identity.GrantType{identity.ClientCredentials}
	default:
		return nil, fault.New(fault.Unprocessable, fault.CodeValue, "kind", "choose what kind of app it is")
	}
	if c.Auth == identity.AuthAsymmetric {
		c.JWKS, c.JWKSURI = json.RawMessage(p.Keys), p.URI
	}
	return c, nil
}

func (v *visit) showSecret(title string, c *identity.Client, secret string) error {
	page := secretPage{
		frame: v.frame(title, "/account/developer"), Client: c, Secret: secret, Back: v.url("/account/developer/app/" + c.ID),
		FHIR: v.Identity.FHIRBase(), Waits: !c.Approved,
	}
	return v.writeFrame(http.StatusOK, page.frame, secretTemplate, page)
}

// ownClient shows an app to whoever registered it, replaces its secret or its keys
// or deletes it. Other people's apps are not there.
func (v *visit) ownClient() error {
	c, err := v.readClient()
	if err != nil {
		return err
	}
	if c.Owner != v.session.UserID {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such app.")
	}
	if v.r.Method != http.MethodPost {
		return v.showClient(c, false, nil)
	}
	switch v.form.Get("do") {
	case "secret":
		secret, err := v.Identity.ReplaceSecret(v.r.Context(), c.ID)
		if err != nil {
			return err
		}
		return v.showSecret("The new secret", c, secret)
	case "keys":
		return v.replaceKeys(c)
	case "delete":
		if v.form.Get("confirm") == "" {
			return v.showClient(c, false, []problem{{Field: "confirm", Message: "Tick that the app is to be deleted for good."}})
		}
		if err := v.Identity.DeleteClient(v.r.Context(), c.ID); err != nil {
			return err
		}
		return v.done("/account/developer", "deleted")
	}
	return identity.Refuse(identity.InvalidRequest, "do is secret, keys or delete")
}

func (v *visit) replaceKeys(c *identity.Client) error {
	set, uri := strings.TrimSpace(v.form.Get("jwks")), strings.TrimSpace(v.form.Get("jwks_uri"))
	err := v.Identity.ReplaceKeys(v.r.Context(), c.ID, json.RawMessage(set), uri)
	if list := problems(err); list != nil {
		c.JWKS, c.JWKSURI = json.RawMessage(set), uri // as they were sent
		return v.showClient(c, false, list)
	}
	if err != nil {
		return err
	}
	return v.done("/account/developer/app/"+c.ID, "saved")
}
