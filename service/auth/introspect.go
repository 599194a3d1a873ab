package auth

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// introspection is RFC 7662 §2.2 with SMART §7.
type introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	ClientID  string `json:"client_id,omitempty"`
	TokenType string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	Audience  string `json:"aud,omitempty"`
	Subject   string `json:"sub,omitempty"`
	FHIRUser  string `json:"fhirUser,omitempty"`
	Purpose   string `json:"purpose_of_use,omitempty"`
	// Extensions tell a resource server elsewhere what patients decided.
	Extensions *extensions `json:"extensions,omitempty"`
	smart.Context
}

// introspect tells what a token stands for (RFC 7662, SMART §7). A client asks
// about its own tokens with its authentication; about any client's with a token
// that has the scope __introspect.
func (c *call) introspect() error {
	form, token, err := c.tokenForm()
	if err != nil {
		return err
	}
	own, err := c.asker(form)
	if err != nil {
		return err
	}
	if token == "" {
		return identity.Refuse(identity.InvalidRequest, "token is missing")
	}
	t, err := c.Identity.Introspect(c.r.Context(), token)
	active := err == nil && (own == "" || t.Client == own)
	if active {
		active, err = c.acts(c.r.Context(), &t.Access)
	}
	if err != nil && !errors.Is(err, identity.ErrToken) {
		return err
	}
	if !active {
		return c.writeJSON(http.StatusOK, introspection{})
	}
	answer := introspection{
		Active: true, Scope: t.Scopes.String(), ClientID: t.Client, Expires: t.Expires.Unix(), IssuedAt: t.Issued.Unix(),
		Issuer: c.Identity.Issuer(), Audience: cmp.Or(t.Resource, c.Identity.FHIRBase()), Subject: t.User, Context: t.Context, Purpose: t.Purpose,
	}
	if !t.Refresh {
		answer.TokenType = "Bearer"
		if answer.Extensions, err = c.extensionsOf(c.r.Context(), &t.Access, own == ""); err != nil {
			return err
		}
	}
	if t.Scopes.Has(smart.FHIRUser) {
		answer.FHIRUser = c.Identity.FHIRUserURL(t.FHIRUser)
	}
	return c.writeJSON(http.StatusOK, answer)
}

// asker finds out who asks: the client whose tokens it may ask about, "" for
// any.
func (c *call) asker(form url.Values) (own string, err error) {
	if bearer(c.r) != "" {
		_, err := c.scoped(identity.ScopeIntrospect)
		return "", err
	}
	client, err := c.authenticate(form)
	if err != nil {
		return "", err
	}
	if !client.Confidential() {
		return "", identity.Refuse(identity.InvalidClient, "a public client cannot introspect")
	}
	if client.Scopes.Has(identity.ScopeIntrospect) {
		return "", nil
	}
	return client.ID, nil
}
