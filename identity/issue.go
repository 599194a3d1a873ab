package identity

import (
	"context"
	"net/url"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

// Tokens is the answer of the token endpoint.
type Tokens struct {
	Access  string
	Expires time.Time // of Access
	Scopes  smart.Scopes
	Refresh string // "" for none
	ID      string // id_token, "" for none
	Context smart.Context

	User     *User  // nil for a client's own
	AccessID string // as Access.ID has it; "" of a token for another server
}

// issue is one issue of tokens. Its changes are made together.
type issue struct {
	client   *Client
	grant    *Grant // nil for a client's own token
	user     *User
	scopes   smart.Scopes
	resource string // RFC 8707; "" for this server
	purpose  string // of a client's own token
	now      time.Time
	w        changes
}

// issue makes the tokens and writes the grant. ErrConflict when something that
// they come of has changed.
func (s *Service) issue(ctx context.Context, i *issue) (*Tokens, error) {
	g := i.grant
	t := &Tokens{Scopes: i.scopes, Context: g.Context, User: i.user}
	// The last moment is that of the access token, or of the refresh token.
	if err := s.issueAccess(ctx, i, t); err != nil {
		return nil, err
	}
	g.Used, g.Expires = i.now, latest(g.Expires, t.Expires)
	if err := s.issueRefresh(ctx, i, t); err != nil {
		return nil, err
	}
	if i.scopes.Has(smart.OpenID) {
		var err error
		if t.ID, err = s.idToken(ctx, i); err != nil {
			return nil, err
		}
	}
	g.put(&i.w)
	return t, s.write(ctx, &i.w)
}

// issueAccess makes an access token: an opaque one for this server, a JWT for
// another.
func (s *Service) issueAccess(ctx context.Context, i *issue, t *Tokens) error {
	life := AccessFor
	if i.grant == nil {
		life = BackendFor
	}
	if i.client.AccessFor != 0 {
		life = min(life, i.client.AccessFor)
	}
	t.Expires = i.now.Add(life)
	if i.grant != nil && !i.grant.Until.IsZero() && i.grant.Until.Before(t.Expires) {
		t.Expires = i.grant.Until
	}
	if i.resource != "" && i.resource != s.FHIRBase() {
		return s.issueOutside(ctx, i, t)
	}
	t.Access = newSecret(accessPrefix)
	i.rememberAccess(t, "")
	return nil
}

// rememberAccess keeps the access token, for a resource server or, with "", this
// one.
func (i *issue) rememberAccess(t *Tokens, resource string) {
	a := accessToken{Client: i.client.ID, Scopes: t.Scopes, Purpose: i.purpose, Resource: resource, Created: i.now, Expires: t.Expires}
	if i.grant != nil {
		a.Grant = i.grant.ID
	}
	t.AccessID = tokenID(hashed(t.Access))
	i.w.put(kindAccess, hashed(t.Access), 0, a, a.Expires)
}

// FHIRBase is the address of the FHIR API, which apps give as aud.
func (s *Service) FHIRBase() string { return s.config.Issuer + "/fhir" }

// SimulatedBase is the address of the FHIR API at which discovery tells of the record
// system that is simulated for a client: that simulation's alone. All else there is as at
// FHIRBase. Outside of a sandbox nothing is there.
func (s *Service) SimulatedBase(client string) string {
	return s.config.Issuer + "/simulated/" + url.PathEscape(client) + "/fhir"
}

// IsBase says whether an address is one that a client may give as aud, without trailing slash.
func (s *Service) IsBase(client, address string) bool {
	return address == s.FHIRBase() || s.Sandbox() && address == s.SimulatedBase(client)
}

// Issuer is the public address of this server, without trailing slash.
func (s *Service) Issuer() string { return s.config.Issuer }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
