package smarttest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/inglehealth/ingle/spec/smart"
)

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	c := s.form(w, r)
	if c == nil {
		return
	}
	f := r.PostForm
	kind := f.Get("grant_type")
	if c.Grants != nil && !slices.Contains(c.Grants, kind) {
		refuse(w, http.StatusBadRequest, "unauthorized_client", kind+" is not registered")
		return
	}
	switch kind {
	case "authorization_code":
		g := s.codes[f.Get("code")]
		if g == nil || g.client != c.ID || g.redirect != f.Get("redirect_uri") || g.used || !proves(f.Get("code_verifier"), g.challenge) {
			if g != nil {
				g.revoked = true
			}
			refuse(w, http.StatusBadRequest, "invalid_grant", "the code is not good")
			return
		}
		g.used = true
		s.issue(w, g, true)
	case "refresh_token":
		g := s.refresh[f.Get("refresh_token")]
		if g == nil || g.client != c.ID || g.revoked || g.current != f.Get("refresh_token") {
			if g != nil {
				g.revoked = true // a used one came again
			}
			refuse(w, http.StatusBadRequest, "invalid_grant", "the refresh token is not good")
			return
		}
		s.issue(w, g, false)
	case "client_credentials":
		scopes, err := smart.ParseScopes(f.Get("scope"))
		if c.Auth != "private_key_jwt" || err != nil || len(scopes) == 0 {
			refuse(w, http.StatusBadRequest, "invalid_scope", "a service asks for system/ scopes and signs")
			return
		}
		s.issue(w, &grant{client: c.ID, scopes: scopes}, true)
	default:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", kind)
	}
}

// form reads a form that a client sends and returns the client, nil when it has
// answered.
func (s *Server) form(w http.ResponseWriter, r *http.Request) *client {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" || r.ParseForm() != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "not a form")
		return nil
	}
	for name, values := range r.PostForm {
		if len(values) != 1 {
			refuse(w, http.StatusBadRequest, "invalid_request", name+" is repeated")
			return nil
		}
	}
	c, wrong := s.authenticate(r)
	if c == nil {
		refuse(w, http.StatusUnauthorized, "invalid_client", wrong)
	}
	return c
}

// proves is RFC 7636 §4.6.
func proves(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 && len(verifier) <= 128 && base64.RawURLEncoding.EncodeToString(sum[:]) == challenge
}

// issue answers with tokens. The first answer of a grant has nonce and context; no
// standard says that later ones repeat them.
func (s *Server) issue(w http.ResponseWriter, g *grant, first bool) {
	text := newSecret()
	s.access[text] = &access{g, s.Clock().Add(s.Life)}
	body := map[string]any{
		"access_token": text,
		"token_type":   "bearer",
		"expires_in":   int(s.Life.Seconds()),
		"scope":        g.scopes.String(),
	}
	if g.scopes.Has(smart.OfflineAccess) || g.scopes.Has(smart.OnlineAccess) {
		g.current = newSecret()
		s.refresh[g.current] = g
		body["refresh_token"] = g.current
	}
	if g.scopes.Has(smart.OpenID) {
		nonce := ""
		if first {
			nonce = g.nonce
		}
		body["id_token"] = s.idToken(g.client, nonce)
	}
	if first && g.scopes.Level(smart.Patient) && s.Patient != "" {
		body["patient"], body["need_patient_banner"] = s.Patient, !s.NoBanner
		if s.Look != "" {
			body["smart_style_url"] = s.URL + "/style"
		}
	}
	answer(w, http.StatusOK, body)
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	c := s.form(w, r)
	if c == nil {
		return
	}
	if g := s.refresh[r.PostForm.Get("token")]; g != nil && g.client == c.ID {
		g.revoked = true
	}
	if a := s.access[r.PostForm.Get("token")]; a != nil && a.grant.client == c.ID {
		delete(s.access, r.PostForm.Get("token"))
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	c := s.form(w, r)
	if c == nil {
		return
	}
	if c.Auth == "none" {
		refuse(w, http.StatusUnauthorized, "invalid_client", "a public client may not introspect")
		return
	}
	a := s.good(r.PostForm.Get("token"))
	if a == nil {
		answer(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"active": true, "client_id": a.grant.client, "scope": a.grant.scopes.String(),
		"exp": a.expires.Unix(), "patient": s.Patient,
	})
}

func (s *Server) good(token string) *access {
	a := s.access[token]
	if a == nil || a.grant.revoked || s.Clock().After(a.expires) {
		return nil
	}
	return a
}

// EndTokens makes all access tokens invalid, and leaves the refresh tokens.
func (s *Server) EndTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
}

// EndGrants makes all refresh tokens invalid, too.
func (s *Server) EndGrants() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refresh)
}
