package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	kindOutside = "outside" // by hash of state
	outsideLife = 10 * time.Minute
)

// outside is a sign-in under way at a provider.
type outside struct {
	Provider  string    `json:"provider"`
	Cookie    string    `json:"cookie"` // hash
	Redirect  string    `json:"redirect"`
	Verifier  string    `json:"verifier"`
	Nonce     string    `json:"nonce"`
	Discovery discovery `json:"discovery"`
	User      string    `json:"user,omitempty"` // to link
	Expires   time.Time `json:"expires"`
}

// discovery is what is used of a provider's metadata (OpenID Connect Discovery
// 1.0, RFC 9207).
type discovery struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Methods       []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	SendsIssuer   bool     `json:"authorization_response_iss_parameter_supported,omitempty"`
}

// BeginOutside begins to sign in at a provider. The browser is sent to address
// and keeps cookie; the provider sends it back to redirect, which FinishOutside
// follows. With link, the account there is linked to the user of that session.
// ErrNotFound; ErrOutside when the provider does not answer as it should.
func (s *Service) BeginOutside(ctx context.Context, providerID, redirect string, link *Session) (address, cookie string, err error) {
	p, err := s.provider(ctx, providerID)
	if err != nil {
		return "", "", fmt.Errorf("provider %q: %w", providerID, err)
	}
	d, err := s.discover(ctx, p)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrOutside, err)
	}
	to, err := url.Parse(d.Authorization)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrOutside, err)
	}
	state := newSecret("")
	cookie = newSecret(outsidePrefix)
	o := outside{
		Provider: p.ID, Cookie: hashed(cookie), Redirect: redirect, Verifier: newSecret(""), Nonce: newSecret(""),
		Discovery: d, Expires: s.now().Add(outsideLife),
	}
	if link != nil {
		o.User = link.UserID
	}
	challenge := sha256.Sum256([]byte(o.Verifier))
	q := to.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": p.ClientID, "redirect_uri": redirect, "state": state, "nonce": o.Nonce,
		"scope": strings.Join(append([]string{"openid"}, p.Scopes...), " "), "code_challenge_method": "S256",
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]),
	} {
		q.Set(name, value)
	}
	to.RawQuery = q.Encode()
	var c changes
	c.put(kindOutside, hashed(state), 0, o, o.Expires)
	return to.String(), cookie, s.write(ctx, &c)
}

func (s *Service) discover(ctx context.Context, p *Provider) (d discovery, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.Issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return d, err
	}
	if err := s.fetchJSON(r, &d); err != nil {
		return d, err
	}
	if d.Issuer != p.Issuer {
		return d, fmt.Errorf("the provider calls itself %q, not %q", d.Issuer, p.Issuer)
	}
	for _, endpoint := range []string{d.Authorization, d.Token, d.JWKS} {
		if !s.mayFetch(endpoint) {
			return d, fmt.Errorf("%q is no endpoint: https is needed", endpoint)
		}
	}
	return d, nil
}

// FinishOutside completes a sign-in at a provider, of the parameters that it sent
// the browser back with and of the cookie of BeginOutside. ErrOutside says why
// it failed; ErrUnlinked when nobody is linked to the account and the provider
// makes no users; ErrDisabled; ErrConflict when the account is linked to another
// user already.
func (s *Service) FinishOutside(ctx context.Context, cookie string, answer url.Values, from Origin) (*SignIn, error) {
	if err := s.addresses.take(from.Address, s.now()); err != nil {
		return nil, err
	}
	o, err := s.takeOutside(ctx, cookie, answer.Get("state"))
	if err != nil {
		return nil, err
	}
	p, err := s.provider(ctx, o.Provider)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutside, err)
	}
	who, err := s.ask(ctx, p, o, answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutside, err)
	}
	a, err := s.outsideUser(ctx, p, o, who)
	if err != nil {
		return nil, err
	}
	methods := []string{MethodOutside}
	if p.MultiFactor {
		methods = append(methods, MethodMulti)
	}
	return s.signedIn(ctx, a, methods, from)
}

// takeOutside reads and removes a sign-in under way: it serves once.
func (s *Service) takeOutside(ctx context.Context, cookie, state string) (*outside, error) {
	o := &outside{}
	version, err := s.read(ctx, kindOutside, hashed(state), o)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err != nil || o.Cookie != hashed(cookie) || !s.fresh(o.Expires, outsideLife) {
		return nil, fmt.Errorf("%w: it was not begun in this browser, took too long or has been completed; start again", ErrOutside)
	}
	var c changes
	c.remove(kindOutside, hashed(state), version)
	if err := s.write(ctx, &c); errors.Is(err, ErrConflict) {
		return nil, fmt.Errorf("%w: it has been completed; start again", ErrOutside)
	} else if err != nil {
		return nil, err
	}
	return o, nil
}

// ask exchanges the code of an answer for an id_token and returns its claims.
func (s *Service) ask(ctx context.Context, p *Provider, o *outside, answer url.Values) (*idClaims, error) {
	d := o.Discovery
	if iss := answer.Get("iss"); iss != d.Issuer && (iss != "" || d.SendsIssuer) {
		return nil, fmt.Errorf("the answer is of %q, not of %q", iss, d.Issuer)
	}
	if code := answer.Get("error"); code != "" {
		return nil, fmt.Errorf("%s answers %q %q", p.ID, shorten(code, maxDevice), shorten(answer.Get("error_description"), maxDevice))
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {o.Redirect},
		"code_verifier": {o.Verifier}, "client_id": {p.ClientID},
	}
	basic := p.Secret != "" && (len(d.Methods) == 0 || slices.Contains(d.Methods, "client_secret_basic"))
	if p.Secret != "" && !basic {
		form.Set("client_secret", p.Secret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		r.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.Secret))
	}
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := s.fetchJSON(r, &tokens); err != nil {
		return nil, err
	}
	return s.verifyIDToken(ctx, p, o, tokens.ID)
}
