package auth

import (
	"net/http"

	"github.com/inglehealth/ingle/identity"
)

// revoke ends a token of the client that asks (RFC 7009).
func (c *call) revoke() error {
	if err := c.throttle(c.tokens, c.network()); err != nil {
		return err
	}
	form, err := c.form()
	if err != nil {
		return err
	}
	token, err := one(form, "token")
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
