package smart

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// Request is what an app asks a user to allow.
type Request struct {
	Scopes Scopes
	// Launch is the parameter launch that an EHR launched the app with (§2.0.8);
	// "" for a standalone launch. With it, Scopes should have "launch".
	Launch string
	// More are further parameters, such as prompt or login_hint of OpenID Connect.
	More url.Values
}

// Attempt is one authorization request under way. The app keeps it with the
// browser's session, and nowhere else, until the browser comes back; its JSON may
// be kept.
type Attempt struct {
	URL      string // where to send the browser
	Base     string // of the FHIR server asked
	Client   string
	State    string
	Nonce    string
	Verifier string // of PKCE (RFC 7636 §4.1)
	Scopes   Scopes // asked for
}

// Authorize begins an authorization (§2.0.10): with state, PKCE by S256, the FHIR
// server as aud, and a nonce if "openid" is among the scopes. A server without
// S256 is refused.
func (c *Client) Authorize(r Request) (*Attempt, error) {
	config := &c.Server.Configuration
	switch {
	case config.AuthorizationEndpoint == "":
		return nil, errors.New("smart: the server has no authorization_endpoint: it authorizes services only")
	case !slices.Contains(config.ChallengeMethods, "S256"):
		return nil, errors.New("smart: the server does not announce PKCE with S256, without which a stolen code can be used")
	case c.Redirect == "":
		return nil, errors.New("smart: the client has no redirect_uri")
	case len(r.Scopes) == 0:
		return nil, errors.New("smart: there is no scope to ask for")
	}
	endpoint, err := url.Parse(config.AuthorizationEndpoint)
	if err != nil {
		return nil, fmt.Errorf("smart: authorization_endpoint: %w", err)
	}
	a := &Attempt{Base: c.Server.Base, Client: c.ID, State: rand.Text(), Verifier: newVerifier(), Scopes: r.Scopes}
	query := endpoint.Query() // the endpoint may have one of its own (RFC 6749 §3.1)
	for name, values := range r.More {
		query[name] = values
	}
	query.Set("response_type", "code")
	query.Set("client_id", c.ID)
	query.Set("redirect_uri", c.Redirect)
	query.Set("scope", r.Scopes.String())
	query.Set("state", a.State)
	query.Set("aud", c.Server.Base)
	query.Set("code_challenge", challenge(a.Verifier))
	query.Set("code_challenge_method", "S256")
	if r.Launch != "" {
		query.Set("launch", r.Launch)
	}
	if r.Scopes.Has("openid") {
		a.Nonce = rand.Text()
		query.Set("nonce", a.Nonce)
	}
	endpoint.RawQuery = query.Encode()
	a.URL = endpoint.String()
	return a, nil
}

func newVerifier() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
