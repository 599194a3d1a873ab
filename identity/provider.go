package identity

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Provider is an outside OpenID Connect provider through which users sign in.
type Provider struct {
	ID       string   `json:"id"`     // of letters, digits and hyphens
	Name     string   `json:"name"`   // on the button
	Issuer   string   `json:"issuer"` // exactly as it stands in its id_tokens
	ClientID string   `json:"clientId"`
	Secret   string   `json:"-"`                // of the client; only SetProvider has it, "" keeps the old one
	Scopes   []string `json:"scopes,omitempty"` // besides openid
	// Create makes a user of Roles for whoever signs in and is not linked.
	Create bool   `json:"create,omitempty"`
	Roles  []Role `json:"roles,omitempty"`
	// MultiFactor says that the provider asks for a second factor itself.
	MultiFactor bool `json:"multiFactor,omitempty"`
}

const kindProvider = "provider" // by ID

// provider is the body of a kindProvider.
type provider struct {
	Provider
	Sealed []byte `json:"sealed,omitempty"` // the Secret
}

var providerID = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// SetProvider adds or replaces a provider; a *fault.Error for a bad one.
func (s *Service) SetProvider(ctx context.Context, p Provider) error {
	issuer, err := url.Parse(p.Issuer)
	switch {
	case !providerID.MatchString(p.ID):
		return fault.New(fault.Unprocessable, fault.CodeValue, "id", "the id of a provider is of 1 to 64 letters, digits and hyphens")
	case err != nil || issuer.Host == "" || !s.mayFetch(p.Issuer):
		return fault.New(fault.Unprocessable, fault.CodeValue, "issuer", "the issuer is an https URL, exactly as the provider writes it")
	case p.ClientID == "":
		return fault.New(fault.Unprocessable, fault.CodeRequired, "clientId", "a client id is needed: register Ingle at the provider")
	case slices.ContainsFunc(p.Scopes, func(scope string) bool { return scope == "" || strings.ContainsAny(scope, " \t\r\n") }):
		return fault.New(fault.Unprocessable, fault.CodeValue, "scopes", "a scope has no spaces")
	}
	if err := s.checkRoles(ctx, p.Roles); err != nil {
		return err
	}
	return again(func() error {
		var old provider
		version, err := s.read(ctx, kindProvider, p.ID, &old)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		next := provider{Provider: p, Sealed: old.Sealed}
		if p.Secret != "" {
			if next.Sealed, err = s.config.Secret.seal("provider "+p.ID, []byte(p.Secret)); err != nil {
				return err
			}
		}
		var c changes
		c.put(kindProvider, p.ID, version, next, time.Time{})
		return s.write(ctx, &c)
	})
}

// RemoveProvider removes a provider. The links of users to it stay.
func (s *Service) RemoveProvider(ctx context.Context, id string) error {
	var c changes
	c.remove(kindProvider, id, store.Any)
	return s.write(ctx, &c)
}

// Providers lists all providers, without secrets.
func (s *Service) Providers(ctx context.Context) ([]Provider, error) {
	const most = 100
	items, err := s.config.Store.ListItems(ctx, kindProvider, "", most)
	all := make([]Provider, len(items))
	for n, i := range items {
		if err == nil {
			err = decode(i, &all[n])
		}
	}
	return all, err
}

// provider reads a provider with its secret; ErrNotFound.
func (s *Service) provider(ctx context.Context, id string) (*Provider, error) {
	var p provider
	if _, err := s.read(ctx, kindProvider, id, &p); err != nil {
		return nil, err
	}
	if p.Sealed != nil {
		secret, err := s.config.Secret.open("provider "+id, p.Sealed)
		if err != nil {
			return nil, err
		}
		p.Secret = string(secret)
	}
	return &p.Provider, nil
}

// mayFetch says whether a URL of a provider may be used: https, or http where
// private addresses are allowed.
func (s *Service) mayFetch(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && s.config.AllowPrivate)
}
