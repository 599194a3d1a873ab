package auth

import (
	"net/url"

	"github.com/inglehealth/ingle/identity"
)

// grantCode gives tokens for a code (RFC 6749 §4.1.3).
func (c *call) grantCode(client *identity.Client, form url.Values) (*identity.Tokens, error) {
	var code, redirect, verifier, resource string
	err := several(form, map[string]*string{"code": &code, "redirect_uri": &redirect, "code_verifier": &verifier, "resource": &resource})
	if err != nil {
		return nil, err
	}
	switch {
	case code == "":
		return nil, identity.Refuse(identity.InvalidRequest, "code is missing")
	case redirect == "":
		return nil, identity.Refuse(identity.InvalidRequest, "redirect_uri is missing: it is that of the authorization request")
	}
	return c.Identity.Exchange(c.r.Context(), client, code, redirect, verifier, resource)
}
