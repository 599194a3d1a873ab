package auth

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/smart"
)

// grants answer the grant types of the token endpoint.
var grants = map[identity.GrantType]func(*call, *identity.Client, url.Values) (*identity.Tokens, error){
	identity.AuthorizationCode: (*call).grantCode,
	identity.RefreshToken:      (*call).grantRefresh,
	identity.ClientCredentials: (*call).grantCredentials,
}

// token gives tokens (RFC 6749 §3.2, SMART §2.0.12).
func (c *call) token() error {
	if err := c.throttle(limits.Tokens, c.client()); err != nil {
		return err
	}
	form, err := c.form()
	if err != nil {
		return err
	}
	name, err := one(form, "grant_type")
	if err != nil {
		return err
	}
	c.note(bounded(name))
	grant := grants[identity.GrantType(name)]
	switch {
	case name == "":
		return identity.Refuse(identity.InvalidRequest, "grant_type is missing")
	case grant == nil:
		return identity.Refuse(identity.UnsupportedGrantType, "grant_type: authorization_code, refresh_token and client_credentials are possible")
	}
	client, err := c.authenticate(form)
	if err != nil {
		return err
	}
	// Anybody can be a public client, and is not to use up what others may have.
	if client.Confidential() {
		if err := c.throttle(limits.Tokens, limits.Who{App: client.ID, Counted: true}); err != nil {
			return err
		}
	}
	if !client.May(identity.GrantType(name)) {
		return identity.Refuse(identity.UnauthorizedClient, "this client is not registered for %s", name)
	}
	tokens, err := grant(c, client, form)
	if err != nil {
		return err
	}
	c.by(tokens.User)
	c.issued(tokens)
	answer := tokenAnswer{
		AccessToken: tokens.Access, TokenType: "Bearer", ExpiresIn: int64(tokens.Expires.Sub(c.now).Round(time.Second) / time.Second),
		Scope: tokens.Scopes.String(), RefreshToken: tokens.Refresh, IDToken: tokens.ID, Context: tokens.Context,
	}
	if resource := form.Get("resource"); resource == "" || resource == c.Identity.FHIRBase() {
		answer.Details = c.details(client, tokens.Scopes)
	}
	return c.writeJSON(http.StatusOK, answer)
}

// tokenAnswer is RFC 6749 §5.1 with the launch context of SMART §3.0.3.
type tokenAnswer struct {
	AccessToken  string   `json:"access_token"`
	TokenType    string   `json:"token_type"`
	ExpiresIn    int64    `json:"expires_in"`
	Scope        string   `json:"scope"`
	RefreshToken string   `json:"refresh_token,omitempty"`
	IDToken      string   `json:"id_token,omitempty"`
	Details      []detail `json:"authorization_details,omitempty"`
	smart.Context
}

// authenticate finds out which client sends a form (RFC 6749 §2.3).
func (c *call) authenticate(form url.Values) (*identity.Client, error) {
	p := identity.ClientProof{Audiences: []string{c.url("/auth/token"), c.Identity.Issuer()}}
	err := several(form, map[string]*string{
		"client_id": &p.ID, "client_secret": &p.Secret, "client_assertion_type": &p.AssertionType, "client_assertion": &p.Assertion,
		"refresh_token": &p.Refresh,
	})
	if err != nil {
		return nil, err
	}
	if err := c.basic(&p); err != nil {
		return nil, err
	}
	c.through(p.ID)
	client, err := c.Identity.AuthenticateClient(c.r.Context(), p)
	if err == nil {
		c.through(client.ID)
	}
	return client, err
}

// basic reads client_secret_basic, whose parts are form-encoded (RFC 6749
// §2.3.1).
func (c *call) basic(p *identity.ClientProof) error {
	header := c.r.Header.Get("Authorization")
	if header == "" {
		return nil
	}
	if scheme, _, _ := strings.Cut(header, " "); !strings.EqualFold(scheme, "Basic") {
		return identity.Refuse(identity.InvalidClient, "a client authenticates here with Basic, or in the body")
	}
	user, secret, ok := c.r.BasicAuth()
	if !ok {
		return identity.Refuse(identity.InvalidClient, "the Authorization header is not Basic of a client_id and a secret")
	}
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(secret)
	if err1 != nil || err2 != nil {
		return identity.Refuse(identity.InvalidClient, "client_id and secret in the Authorization header are form-encoded before they are joined")
	}
	if p.ID != "" && p.ID != id {
		return identity.Refuse(identity.InvalidRequest, "client_id is another than that of the Authorization header")
	}
	if p.Secret != "" {
		return identity.Refuse(identity.InvalidRequest, "send the secret once: in the Authorization header or in the body")
	}
	p.ID, p.Secret, p.Basic = id, secret, true
	return nil
}
