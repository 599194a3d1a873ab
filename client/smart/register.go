package smart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// Registration is what an app says about itself (RFC 7591 §2). What is left out
// the server chooses.
type Registration struct {
	Name           string              `json:"client_name,omitempty"` // what users see
	URI            string              `json:"client_uri,omitempty"`
	LogoURI        string              `json:"logo_uri,omitempty"`
	PolicyURI      string              `json:"policy_uri,omitempty"`
	TermsURI       string              `json:"tos_uri,omitempty"`
	Contacts       []string            `json:"contacts,omitempty"`
	Redirects      []string            `json:"redirect_uris,omitempty"`
	LaunchURI      string              `json:"initiate_login_uri,omitempty"`         // where an EHR launches it
	Authentication string              `json:"token_endpoint_auth_method,omitempty"` // none, client_secret_basic, private_key_jwt
	GrantTypes     []string            `json:"grant_types,omitempty"`
	ResponseTypes  []string            `json:"response_types,omitempty"`
	Scope          string              `json:"scope,omitempty"`    // separated by spaces
	Keys           *jose.JSONWebKeySet `json:"jwks,omitempty"`     // public keys, or
	KeysURI        string              `json:"jwks_uri,omitempty"` // where they are
	SoftwareID     string              `json:"software_id,omitempty"`
	Version        string              `json:"software_version,omitempty"`
}

// Registered is what the server made of a Registration (RFC 7591 §3.2.1): it may
// have changed any of it.
type Registered struct {
	Registration
	ID            string `json:"client_id"`
	Secret        string `json:"client_secret"`            // "" for clients without
	SecretExpires int64  `json:"client_secret_expires_at"` // in seconds since 1970; 0 for never
}

// Register registers an app (RFC 7591). permit is the initial access token that a
// server may want, "" for none. A server may let the app wait for an
// administrator's approval: until then it refuses to authorize it.
func (s *Server) Register(ctx context.Context, r Registration, permit string) (*Registered, error) {
	if s.Configuration.RegistrationEndpoint == "" {
		return nil, errors.New("smart: the server has no registration_endpoint: its administrator has to register the app")
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("smart: registration: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Configuration.RegistrationEndpoint, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if permit != "" {
		req.Header.Set("Authorization", "Bearer "+permit)
	}
	if body, err = s.send(req, http.StatusCreated); err != nil {
		return nil, err
	}
	var made Registered
	if err := json.Unmarshal(body, &made); err != nil {
		return nil, fmt.Errorf("smart: the answer to the registration: %w", err)
	}
	if made.ID == "" {
		return nil, errors.New("smart: the answer to the registration has no client_id")
	}
	return &made, nil
}

func (r *Registration) check() error {
	if r.Keys == nil {
		return nil
	}
	for _, key := range r.Keys.Keys {
		if !key.IsPublic() {
			return fmt.Errorf("smart: registration: the key %q is not a public one", key.KeyID)
		}
	}
	return nil
}
