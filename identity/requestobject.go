package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
)

// requestType is the typ of a request object (RFC 9101 §10.8); JWT, or none, is
// possible as well.
const requestType = "oauth-authz-req+jwt"

// RequestObject returns the parameters of an authorization request that a client
// signed with a key that it registered (RFC 9101 §4, OpenID Connect Core §6.1). A
// *Refused with InvalidRequestObject or RequestNotSupported says what is wrong.
// Its aud is both the claim of a JWT, where the issuer stands, and the parameter of
// SMART, which is what stands there beside the issuer.
func (s *Service) RequestObject(ctx context.Context, c *Client, text string) (url.Values, error) {
	if c.Auth != AuthAsymmetric {
		return nil, Refuse(RequestNotSupported, "request objects are for apps that registered keys")
	}
	if err := c.usable(); err != nil {
		return nil, err // before its keys are fetched
	}
	a, err := parseAssertion(text, "JWT", requestType)
	if err == nil {
		err = s.checkRequest(a, c)
	}
	if err != nil {
		return nil, Refuse(InvalidRequestObject, "request: %v", err)
	}
	claims, err := s.verify(ctx, c, a, InvalidRequestObject)
	if err != nil {
		return nil, err
	}
	values := url.Values{}
	for name, raw := range claims {
		if slices.Contains([]string{"iss", "aud", "exp", "nbf", "iat", "jti"}, name) {
			continue
		}
		value := string(raw)
		if json.Unmarshal(raw, &value) != nil {
			value = string(raw) // max_age is a number, claims an object
		}
		values.Set(name, value)
	}
	for _, aud := range a.claims.Audience {
		if aud != s.config.Issuer {
			values.Add("aud", aud)
		}
	}
	if values.Get("client_id") != c.ID || values.Has("request") || values.Has("request_uri") {
		return nil, Refuse(InvalidRequestObject, "request: it holds the same client_id, and no request of its own")
	}
	return values, nil
}

// checkRequest looks at the claims that are no parameters. What has a sub may be
// an assertion, which is for something else (RFC 9101 §10.8).
func (s *Service) checkRequest(a *assertion, c *Client) error {
	switch {
	case a.claims.Issuer != c.ID:
		return errors.New("its iss is not the client_id")
	case a.claims.Subject != "":
		return errors.New("it has a sub, which is for assertions")
	case !a.claims.Audience.Contains(s.config.Issuer):
		return errors.New("its aud is not the issuer of this server")
	}
	return a.checkTimes(s.now(), RequestFor)
}
