package smarttest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// client is a registration; its JSON is the one of RFC 7591.
type client struct {
	ID        string              `json:"client_id"`
	Secret    string              `json:"client_secret,omitempty"`
	Name      string              `json:"client_name"`
	Redirects []string            `json:"redirect_uris"`
	Auth      string              `json:"token_endpoint_auth_method"`
	Grants    []string            `json:"grant_types"`
	Scope     string              `json:"scope"`
	Keys      *jose.JSONWebKeySet `json:"jwks,omitempty"`
	waiting   bool
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	var c client
	if r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(r.Body).Decode(&c) != nil {
		refuse(w, http.StatusBadRequest, "invalid_client_metadata", "not JSON")
		return
	}
	if slices.Contains(c.Grants, "authorization_code") == (len(c.Redirects) == 0) {
		refuse(w, http.StatusBadRequest, "invalid_redirect_uri", "redirect_uris go with authorization_code")
		return
	}
	if c.Auth == "" {
		c.Auth = "client_secret_basic"
	}
	if c.Auth == "client_secret_basic" {
		c.Secret = "s+%:/ ?" + newSecret() // it has to be escaped
	}
	c.ID, c.waiting = "client "+newSecret(), s.Approval
	s.clients[c.ID] = &c
	answer(w, http.StatusCreated, c)
}

// Approve approves a registration.
func (s *Server) Approve(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[id].waiting = false
}

// authenticate finds the client that sends a form (RFC 6749 §2.3).
func (s *Server) authenticate(r *http.Request) (*client, string) {
	user, password, basic := r.BasicAuth()
	assertion := r.PostForm.Get("client_assertion")
	id := r.PostForm.Get("client_id")
	switch {
	case basic && assertion != "":
		return nil, "two ways of authentication"
	case basic:
		user, err := url.QueryUnescape(user)
		password, err2 := url.QueryUnescape(password)
		c := s.clients[user]
		if err != nil || err2 != nil || c == nil || c.Auth != "client_secret_basic" || c.Secret != password {
			return nil, "unknown client or wrong secret"
		}
		return c, ""
	case assertion != "":
		return s.authenticateByKey(r.PostForm.Get("client_assertion_type"), assertion)
	}
	if c := s.clients[id]; c != nil && c.Auth == "none" {
		return c, ""
	}
	return nil, "no authentication"
}

// authenticateByKey is RFC 7523 §3 with SMART's limits (§5.0.2).
func (s *Server) authenticateByKey(kind, text string) (*client, string) {
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS384, jose.ES384})
	if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || err != nil {
		return nil, "not an assertion"
	}
	var claims jwt.Claims
	if token.UnsafeClaimsWithoutVerification(&claims) != nil {
		return nil, "no claims"
	}
	c := s.clients[claims.Issuer]
	if c == nil || c.Keys == nil || claims.Subject != claims.Issuer {
		return nil, "unknown client"
	}
	keys := c.Keys.Key(token.Headers[0].KeyID)
	if len(keys) != 1 || token.Claims(keys[0].Key, &claims) != nil {
		return nil, "wrong signature"
	}
	now := s.Clock()
	switch {
	case token.Headers[0].ExtraHeaders[jose.HeaderType] != "JWT":
		return nil, "typ is not JWT"
	case len(claims.Audience) != 1 || claims.Audience[0] != s.URL+"/token":
		return nil, "wrong aud"
	case claims.Expiry == nil || claims.Expiry.Time().Before(now) || claims.Expiry.Time().After(now.Add(5*time.Minute)):
		return nil, "wrong exp"
	case claims.ID == "" || s.spent[claims.ID]:
		return nil, "jti was used before"
	}
	s.spent[claims.ID] = true
	return c, ""
}
