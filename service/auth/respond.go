package auth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/inglehealth/ingle/identity"
)

// see leads the browser to another page with a GET.
func (c *call) see(address string) error {
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Location", address)
	c.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// redirectCode brings the code to the app (RFC 6749 §4.1.2).
func (c *call) redirectCode(redirect, state, code string) error {
	return c.see(c.answer(redirect, url.Values{"code": {code}}, state))
}

// redirectError tells the app what went wrong (RFC 6749 §4.1.2.1).
func (c *call) redirectError(redirect, state string, r *identity.Refused) error {
	return c.see(c.answer(redirect, url.Values{"error": {string(r.Code)}, "error_description": {r.Why}}, state))
}

// answer is a registered redirect address with parameters; what its query has
// stays. iss tells the app which server answers (RFC 9207).
func (c *call) answer(redirect string, values url.Values, state string) string {
	values.Set("iss", c.Identity.Issuer())
	if state != "" {
		values.Set("state", state)
	}
	return withQuery(redirect, values)
}

// withQuery adds parameters to an address and leaves the rest of it as it is.
func withQuery(address string, values url.Values) string {
	switch {
	case len(values) == 0:
		return address
	case !strings.Contains(address, "?"):
		address += "?"
	case !strings.HasSuffix(address, "?") && !strings.HasSuffix(address, "&"):
		address += "&"
	}
	return address + values.Encode()
}
