package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// ClientAuth is how a client proves who it is, in the words of RFC 7591's
// token_endpoint_auth_method.
type ClientAuth string

// Ways of client authentication.
const (
	AuthNone       ClientAuth = "none"                // public: nothing it could prove with
	AuthBasic      ClientAuth = "client_secret_basic" // symmetric, in the Authorization header
	AuthPost       ClientAuth = "client_secret_post"  // symmetric, in the body or the header
	AuthAsymmetric ClientAuth = "private_key_jwt"     // an assertion signed with one of AssertionAlgorithms
)

// kindClient, and the keys that clients are found by.
const (
	kindClient = "client"
	keyOrigin  = "origin"
	keyOwner   = "owner"
	keyOpen    = "open" // openAlone: it registered itself and is not yet approved

	openAlone = "yes"

	clientSecretPrefix = "igl_cs_"
)

// GrantType is a grant_type of the token endpoint.
type GrantType string

// The grant types.
const (
	AuthorizationCode GrantType = "authorization_code"
	RefreshToken      GrantType = "refresh_token"
	ClientCredentials GrantType = "client_credentials"
)

// Scopes of this server beside SMART's, named as SMART App Launch 2.2 §3.0.6 has it.
const (
	ScopeIntrospect = "__introspect" // may introspect tokens issued to any client
	ScopeLaunch     = "__launch"     // may register launches
)

// Client is an app or a service that is registered. Its JSON is what is kept.
type Client struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Auth       ClientAuth      `json:"auth"`
	SecretHash string          `json:"secret,omitempty"`
	JWKS       json.RawMessage `json:"jwks,omitempty"`    // its public keys, or
	JWKSURI    string          `json:"jwksUri,omitempty"` // where they are
	Redirects  []string        `json:"redirects,omitempty"`
	Origins    []string        `json:"origins,omitempty"` // of browser apps, beside those of Redirects
	LaunchURI  string          `json:"launchUri,omitempty"`
	OwnBanner  bool            `json:"ownBanner,omitempty"` // it wants to show who the patient is, also in a chart (SMART App Launch 2.2 §2.0.9.2, need_patient_banner)
	PostLogout []string        `json:"postLogout,omitempty"`
	URI        string          `json:"uri,omitempty"` // its home page
	LogoURI    string          `json:"logoUri,omitempty"`
	PolicyURI  string          `json:"policyUri,omitempty"`
	TermsURI   string          `json:"termsUri,omitempty"`
	Contacts   []string        `json:"contacts,omitempty"`
	// What a gallery of apps shows.
	Description string       `json:"description,omitempty"` // what it is for
	Publisher   string       `json:"publisher,omitempty"`   // who made it
	Categories  []string     `json:"categories,omitempty"`
	SoftwareID  string       `json:"softwareId,omitempty"` // that it has wherever it is registered
	Release     string       `json:"release,omitempty"`    // software_version
	Released    []Release    `json:"released,omitempty"`   // the latest first
	Adopted     time.Time    `json:"adopted,omitzero"`     // when the administrators took it up for the whole place
	Scopes      smart.Scopes `json:"scopes"`               // what it may be granted
	Grants      []GrantType  `json:"grants"`
	Purposes    []string     `json:"purposes,omitempty"` // of use that it may ask for; none: what its users' roles are for, HOPERAT without a user
	Approved    bool         `json:"approved"`
	Suspended   bool         `json:"suspended,omitempty"`
	// NoPKCEUntil excepts a confidential client of SMART 1 from PKCE until then.
	NoPKCEUntil time.Time `json:"noPkceUntil,omitzero"`
	// AccessFor and RefreshFor are how long tokens last; 0 for the default, and
	// never more than it for access tokens.
	AccessFor  time.Duration `json:"accessFor,omitempty"`
	RefreshFor time.Duration `json:"refreshFor,omitempty"`
	Owner      string        `json:"owner,omitempty"` // user who registered it
	Created    time.Time     `json:"created"`
	Version    int64         `json:"-"` // of what is kept; 0 for one that is new
}

// Release is a version of an app, and when it was first registered here.
type Release struct {
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
}

// Confidential says whether the client can prove who it is.
func (c *Client) Confidential() bool { return c.Auth != AuthNone }

// May says whether the client may use a grant type.
func (c *Client) May(g GrantType) bool { return slices.Contains(c.Grants, g) }

// NeedsPKCE says whether a request of the client must have a code_challenge.
func (c *Client) NeedsPKCE(now time.Time) bool {
	return !c.Confidential() || !now.Before(c.NoPKCEUntil)
}

// MayPursue says why the client may not ask for a purpose of use, a code of
// v3-ActReason; "" is none. BTG is not asked for: the glass is broken for one patient.
func (c *Client) MayPursue(purpose string) error {
	switch {
	case purpose == "":
		return nil
	case !access.KnownPurpose(purpose) || purpose == access.BreakGlass:
		return Refuse(InvalidRequest, "purpose_of_use: %s is none that can be asked for, such as TREAT, HPAYMT, HOPERAT or HRESCH", purpose)
	case slices.Contains(c.Purposes, purpose), len(c.Purposes) == 0 && (c.May(AuthorizationCode) || purpose == "HOPERAT"):
		return nil
	}
	return Refuse(InvalidRequest, "purpose_of_use: the app is not registered for %s", purpose)
}

// maxReleases is how many releases of an app are kept.
const maxReleases = 20

// release notes a version that is new.
func (c *Client) release(now time.Time) {
	if c.Release == "" || len(c.Released) > 0 && c.Released[0].Version == c.Release {
		return
	}
	c.Released = slices.Insert(c.Released, 0, Release{c.Release, now})
	c.Released = c.Released[:min(len(c.Released), maxReleases)]
}

// usable says why a client may not act.
func (c *Client) usable() error {
	switch {
	case c.Suspended:
		return Refuse(InvalidClient, "this app is suspended; ask the administrators of this server")
	case !c.Approved:
		return Refuse(InvalidClient, "the registration of this app is not yet approved by an administrator")
	}
	return nil
}

// ErrNoClient says that there is no such client.
var ErrNoClient = errors.New("identity: there is no such client")

// openFor is how long a client may wait for approval.
const openFor = 30 * 24 * time.Hour

// Client returns a client; ErrNoClient when there is none.
func (s *Service) Client(ctx context.Context, id string) (*Client, error) {
	if id == "" || len(id) > 256 {
		return nil, ErrNoClient
	}
	c := &Client{}
	version, err := s.read(ctx, kindClient, id, c)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrNoClient
	}
	if err == nil && !c.Approved && s.now().Sub(c.Created) > openFor {
		return nil, ErrNoClient
	}
	c.Version = version
	return c, err
}

// Clients calls f with every client in the order of their ids, until f fails;
// with an owner, with those that the user registered.
func (s *Service) Clients(ctx context.Context, owner string, f func(*Client) error) error {
	var key *store.ItemKey
	if owner != "" {
		key = &store.ItemKey{Name: keyOwner, Value: owner}
	}
	return s.walk(ctx, kindClient, key, func(i store.Item) error {
		c := &Client{Version: i.Version}
		if err := decode(i, c); err != nil {
			return err
		}
		return f(c)
	})
}

// CreateClient registers a client and returns its secret, which is told this
// once, "" for clients that have none. It sets ID (unless given), SecretHash,
// Created and Version. A *Refused says what of it is not possible.
func (s *Service) CreateClient(ctx context.Context, c *Client) (secret string, err error) {
	c.complete()
	if err := c.check(s.config.AllowPrivate); err != nil {
		return "", err
	}
	if c.ID == "" {
		c.ID = newID()
	}
	if c.Auth == AuthBasic || c.Auth == AuthPost {
		secret = newSecret(clientSecretPrefix)
		c.SecretHash = hashed(secret)
	}
	c.Created, c.Version = s.now(), 0
	c.release(s.now())
	if err := s.writeClient(ctx, c); err != nil {
		if errors.Is(err, ErrConflict) {
			return "", Refuse(InvalidClientMetadata, "there is a client called %s already", c.ID)
		}
		return "", err
	}
	return secret, nil
}

// UpdateClient writes a client that Client returned; ErrConflict when it
// changed since. What it may no longer do ends at once.
func (s *Service) UpdateClient(ctx context.Context, c *Client) error {
	if err := c.check(s.config.AllowPrivate); err != nil {
		return err
	}
	c.release(s.now())
	return s.writeClient(ctx, c)
}

// AdoptClient takes an app up for the whole place, or no more: galleries show it first.
// It is no approval.
func (s *Service) AdoptClient(ctx context.Context, id string, adopted bool) error {
	return s.changeClient(ctx, id, func(c *Client) {
		c.Adopted = time.Time{}
		if adopted {
			c.Adopted = s.now()
		}
	})
}

// ApproveClient lets a client act.
func (s *Service) ApproveClient(ctx context.Context, id string) error {
	return s.changeClient(ctx, id, func(c *Client) { c.Approved = true })
}

// SuspendClient ends at once all that a client may do, until ResumeClient.
func (s *Service) SuspendClient(ctx context.Context, id string) error {
	return s.changeClient(ctx, id, func(c *Client) { c.Suspended = true })
}

// ResumeClient lets a suspended client act again, with the tokens it had.
func (s *Service) ResumeClient(ctx context.Context, id string) error {
	return s.changeClient(ctx, id, func(c *Client) { c.Suspended = false })
}

// ReplaceSecret gives a symmetric client a new secret; the old one ends at once.
func (s *Service) ReplaceSecret(ctx context.Context, id string) (secret string, err error) {
	secret = newSecret(clientSecretPrefix)
	symmetric := false
	err = s.changeClient(ctx, id, func(c *Client) {
		if symmetric = c.SecretHash != ""; symmetric {
			c.SecretHash = hashed(secret)
		}
	})
	if err == nil && !symmetric {
		return "", Refuse(InvalidClientMetadata, "the client %s has no secret: its token_endpoint_auth_method is another", id)
	}
	return secret, err
}

// ReplaceKeys gives a client that signs assertions other public keys, or another
// address of them: exactly one of the two. What the old ones signed is refused at
// once. A *Refused says what of them is not possible.
func (s *Service) ReplaceKeys(ctx context.Context, id string, set json.RawMessage, uri string) error {
	return again(func() error {
		c, err := s.Client(ctx, id)
		if err != nil {
			return err
		}
		if c.Auth != AuthAsymmetric {
			return Refuse(InvalidClientMetadata, "the client %s has no keys: its token_endpoint_auth_method is another", id)
		}
		c.JWKS, c.JWKSURI = set, uri
		return s.UpdateClient(ctx, c)
	})
}

// DeleteClient removes a client; ErrNoClient. Its tokens end at once; its grants stay,
// without effect, in the lists of their users.
func (s *Service) DeleteClient(ctx context.Context, id string) error {
	if _, err := s.Client(ctx, id); err != nil {
		return err
	}
	w := changes{epoch: true}
	w.remove(kindClient, id, store.Any)
	return s.write(ctx, &w)
}

func (s *Service) changeClient(ctx context.Context, id string, change func(*Client)) error {
	return again(func() error {
		c, err := s.Client(ctx, id)
		if err != nil {
			return err
		}
		change(c)
		return s.writeClient(ctx, c)
	})
}

func (s *Service) writeClient(ctx context.Context, c *Client) error {
	var keys []store.ItemKey
	for _, origin := range c.AllOrigins() {
		keys = append(keys, store.ItemKey{Name: keyOrigin, Value: origin})
	}
	if c.Owner != "" {
		keys = append(keys, store.ItemKey{Name: keyOwner, Value: c.Owner})
	}
	var expires time.Time
	if !c.Approved {
		if c.Owner == "" {
			keys = append(keys, store.ItemKey{Name: keyOpen, Value: openAlone})
		}
		expires = c.Created.Add(openFor)
	}
	w := changes{epoch: c.Version > 0}
	w.put(kindClient, c.ID, c.Version, c, expires, keys...)
	if err := s.write(ctx, &w); err != nil {
		return err
	}
	c.Version++
	return nil
}
