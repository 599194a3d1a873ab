package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Metadata is what an app registers itself with and is answered (RFC 7591 §2).
type Metadata struct {
	Name       string          `json:"client_name,omitempty"`
	Auth       ClientAuth      `json:"token_endpoint_auth_method,omitempty"`
	Grants     []GrantType     `json:"grant_types,omitempty"`
	Responses  []string        `json:"response_types,omitempty"`
	Redirects  []string        `json:"redirect_uris,omitempty"`
	Scope      string          `json:"scope,omitempty"`
	JWKS       json.RawMessage `json:"jwks,omitempty"`
	JWKSURI    string          `json:"jwks_uri,omitempty"`
	URI        string          `json:"client_uri,omitempty"`
	LogoURI    string          `json:"logo_uri,omitempty"`
	PolicyURI  string          `json:"policy_uri,omitempty"`
	TermsURI   string          `json:"tos_uri,omitempty"`
	Contacts   []string        `json:"contacts,omitempty"`
	PostLogout []string        `json:"post_logout_redirect_uris,omitempty"` // OpenID Connect RP-Initiated Logout §3.1
	LaunchURI  string          `json:"initiate_login_uri,omitempty"`        // of the EHR launch
	SoftwareID string          `json:"software_id,omitempty"`
	Release    string          `json:"software_version,omitempty"`
	// Of this server, not of RFC 7591:
	Purposes    []string `json:"purposes_of_use,omitempty"` // codes of v3-ActReason
	Description string   `json:"description,omitempty"`     // what it is for, for a gallery of apps
	Publisher   string   `json:"publisher,omitempty"`
	Categories  []string `json:"categories,omitempty"`
	OwnBanner   bool     `json:"need_patient_banner,omitempty"` // it wants to show who the patient is, also in a chart
}

// maxOpen is how many registrations of apps by themselves may wait for approval.
const maxOpen = 500

// defaultScopes are what an app that names none may be granted.
var defaultScopes = smart.Scopes{
	smart.OpenID, smart.FHIRUser, smart.Launch, smart.LaunchPatient, smart.LaunchEncounter, smart.OnlineAccess, smart.OfflineAccess,
	"patient/*.rs", "user/*.rs",
}

// Register keeps a client that registers itself (RFC 7591 §3.1). It waits for
// approval and can do nothing until then. When too many wait, the one that has
// waited longest makes way. The secret is told this once. A *Refused says what of
// the metadata is not possible.
func (s *Service) Register(ctx context.Context, m Metadata) (c *Client, secret string, err error) {
	if c, err = m.client(); err != nil {
		return nil, "", err
	}
	if secret, err = s.CreateClient(ctx, c); err != nil {
		return nil, "", err
	}
	return c, secret, s.makeWay(ctx)
}

// makeWay removes the oldest registrations that nobody approved beyond maxOpen,
// but none that a user made.
func (s *Service) makeWay(ctx context.Context) error {
	var open []*Client
	err := s.walk(ctx, kindClient, &store.ItemKey{Name: keyOpen, Value: openAlone}, func(i store.Item) error {
		c := &Client{Version: i.Version}
		open = append(open, c)
		return decode(i, c)
	})
	if err != nil || len(open) <= maxOpen {
		return err
	}
	slices.SortFunc(open, func(a, b *Client) int { return a.Created.Compare(b.Created) })
	for _, c := range open[:len(open)-maxOpen] {
		var w changes
		w.remove(kindClient, c.ID, c.Version)
		// One that was approved, or removed, meanwhile is no longer in the way.
		if err := s.write(ctx, &w); err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return nil
}

func (m Metadata) client() (*Client, error) {
	for _, r := range m.Responses {
		if r != "code" {
			return nil, Refuse(InvalidClientMetadata, "response_types: only code is possible here")
		}
	}
	scopes, err := smart.ParseScopes(m.Scope)
	if err != nil {
		return nil, Refuse(InvalidClientMetadata, "scope: %v", err)
	}
	c := &Client{
		Name: m.Name, Auth: m.Auth, Grants: m.Grants, Redirects: m.Redirects, JWKS: m.JWKS, JWKSURI: m.JWKSURI,
		URI: m.URI, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TermsURI: m.TermsURI, Contacts: m.Contacts,
		PostLogout: m.PostLogout, LaunchURI: m.LaunchURI, OwnBanner: m.OwnBanner, Purposes: m.Purposes,
		SoftwareID: m.SoftwareID, Release: m.Release, Description: m.Description, Publisher: m.Publisher, Categories: m.Categories,
	}
	for _, scope := range scopes {
		// What is not SMART's belongs to administrators, or is unknown.
		if smart.Known(scope) {
			c.Scopes = append(c.Scopes, scope)
		}
	}
	if len(scopes) == 0 {
		c.Scopes = defaultScopes
	}
	return c, nil
}

// Metadata is a client in the words of RFC 7591.
func (c *Client) Metadata() Metadata {
	m := Metadata{
		Name: c.Name, Auth: c.Auth, Grants: c.Grants, Redirects: c.Redirects, Scope: c.Scopes.String(), JWKS: c.JWKS, JWKSURI: c.JWKSURI,
		URI: c.URI, LogoURI: c.LogoURI, PolicyURI: c.PolicyURI, TermsURI: c.TermsURI, Contacts: c.Contacts,
		PostLogout: c.PostLogout, LaunchURI: c.LaunchURI, OwnBanner: c.OwnBanner, Purposes: c.Purposes,
		SoftwareID: c.SoftwareID, Release: c.Release, Description: c.Description, Publisher: c.Publisher, Categories: c.Categories,
	}
	if c.May(AuthorizationCode) {
		m.Responses = []string{"code"}
	}
	return m
}
