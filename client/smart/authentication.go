package smart

import (
	"net/http"
	"net/url"
)

// Authentication is how a client proves who it is: a Secret or a *Key.
type Authentication interface {
	prove(c *Client, form url.Values, header http.Header) error
}

// authenticate adds to a form who sends it (RFC 6749 §2.3).
func (c *Client) authenticate(form url.Values, header http.Header) error {
	if c.Auth == nil {
		form.Set("client_id", c.ID)
		return nil
	}
	return c.Auth.prove(c, form, header)
}

// Secret is a client_secret, sent in the Authorization header
// (client_secret_basic, RFC 6749 §2.3.1).
type Secret string

func (s Secret) prove(c *Client, _ url.Values, header http.Header) error {
	r := http.Request{Header: header}
	r.SetBasicAuth(url.QueryEscape(c.ID), url.QueryEscape(string(s)))
	return nil
}
