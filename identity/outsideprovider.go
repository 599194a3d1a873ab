package identity

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

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
