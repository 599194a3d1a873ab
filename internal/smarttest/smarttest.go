// Package smarttest is a small authorization server with a few records behind
// it, for tests of clients. It follows the standards to the letter and refuses
// what they do not allow; a test can have it misbehave. Its one user allows
// everything at once, so that a browser that comes to it is sent back right away.
package smarttest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/spec/smart"
)

// Server is the server. The fields may be changed before a request that they are
// about.
type Server struct {
	URL  string // also the issuer
	Base string // of FHIR

	Changes  func(config map[string]any) // misbehaviour: what discovery tells
	Redirect func(answer url.Values)     // misbehaviour: what the browser brings back
	Claims   func(claims map[string]any) // misbehaviour: what the id_token says
	Sign     func(claims any) string     // misbehaviour: how it is signed; nil for the server's key
	Approval bool                        // what registers has to be approved
	Grants   smart.Scopes                // what the user allows at most; nil for all
	Life     time.Duration               // of access tokens; an hour at the start
	Patient  string                      // in context; "maria" at the start
	NoBanner bool                        // need_patient_banner is false
	Look     string                      // JSON at the smart_style_url; "" for none
	// Records are JSON by path below the base, "Patient/emma" or "Observation", in place
	// of those of maria; what is in neither is not found, or found nowhere.
	Records map[string]string
	Clock   func() time.Time // time.Now at the start

	mu      sync.Mutex
	clients map[string]*client
	codes   map[string]*grant
	access  map[string]*access
	refresh map[string]*grant // by every refresh token that ever was
	spent   map[string]bool   // jti
	counts  map[string]int
	key     signingKey
}

// grant is what one authorization allows.
type grant struct {
	client, redirect, challenge, nonce string
	scopes                             smart.Scopes
	current                            string // refresh token
	used, revoked                      bool
}

type access struct {
	grant   *grant
	expires time.Time
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	s := &Server{
		Life:    time.Hour,
		Patient: "maria",
		Clock:   time.Now,
		clients: map[string]*client{},
		codes:   map[string]*grant{},
		access:  map[string]*access{},
		refresh: map[string]*grant{},
		spent:   map[string]bool{},
		counts:  map[string]int{},
	}
	mux := http.NewServeMux()
	handle := func(pattern string, f func(http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.counts[r.URL.Path]++
			f(w, r)
		})
	}
	handle("GET /fhir/.well-known/smart-configuration", s.discover)
	handle("GET /keys", s.publishKeys)
	handle("POST /register", s.register)
	handle("GET /authorize", s.authorize)
	handle("POST /token", s.token)
	handle("POST /introspect", s.introspect)
	handle("POST /revoke", s.revoke)
	handle("GET /style", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, json.RawMessage(s.Look)) })
	handle("GET /fhir/", s.read)
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	s.URL, s.Base = web.URL, web.URL+"/fhir"
	s.UseKey(jose.RS256, firstKey())
	return s
}

// Count is how often a path was asked for.
func (s *Server) Count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[path]
}

func (s *Server) discover(w http.ResponseWriter, _ *http.Request) {
	config := map[string]any{
		"issuer":                           s.URL,
		"jwks_uri":                         s.URL + "/keys",
		"authorization_endpoint":           s.URL + "/authorize?tenant=a", // a query of its own has to survive
		"token_endpoint":                   s.URL + "/token",
		"registration_endpoint":            s.URL + "/register",
		"introspection_endpoint":           s.URL + "/introspect",
		"revocation_endpoint":              s.URL + "/revoke",
		"management_endpoint":              s.URL + "/account",
		"capabilities":                     []string{"launch-standalone", "launch-ehr", "sso-openid-connect"},
		"code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported":   true,
		"grant_types_supported":                            []string{"authorization_code", "client_credentials"},
		"token_endpoint_auth_signing_alg_values_supported": []string{"RS384", "ES384"},
	}
	if s.Changes != nil {
		s.Changes(config)
	}
	answer(w, http.StatusOK, config)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	answer(w, status, map[string]string{"error": code, "error_description": description})
}

func newSecret() string { return rand.Text() }
