package auth

import (
	"net/http"
	"net/url"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/limits"
)

// revoke ends a token of the client that asks (RFC 7009).
func (c *call) revoke() error {
	form, token, err := c.tokenForm()
	if err != nil {
		return err
	}
	client, err := c.authenticate(form)
	if err != nil {
		return err
	}
	if token == "" {
		return identity.Refuse(identity.InvalidRequest, "token is missing")
	}
	if err := c.Identity.Revoke(c.r.Context(), client, token); err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// tokenForm reads a form about a token.
func (c *call) tokenForm() (form url.Values, token string, err error) {
	if err := c.throttle(limits.Tokens, c.client()); err != nil {
		return nil, "", err
	}
	if form, err = c.form(); err != nil {
		return nil, "", err
	}
	token, err = one(form, "token")
	return form, token, err
}
