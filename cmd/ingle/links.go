package main

import (
	"net/url"

	"github.com/inglehealth/ingle/identity"
)

// firstURL is the page on which the first administrator is made.
func firstURL(in *identity.Service, secret string) string { return linkURL(in, "/account/first", secret) }

// invitationURL is the page on which a user chooses a password.
func invitationURL(in *identity.Service, secret string) string {
	return linkURL(in, "/account/invitation", secret)
}

func linkURL(in *identity.Service, page, secret string) string {
	return in.Issuer() + page + "?" + url.Values{"link": {secret}}.Encode()
}
