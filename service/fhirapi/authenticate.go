package fhirapi

import (
	"errors"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// authenticate opens the session of the request.
func (c *call) authenticate() error {
	if c.api.config.Authenticate == nil {
		c.session = c.door.Session(records.Principal{}, nil)
		return nil
	}
	var err error
	if c.session, err = c.api.config.Authenticate(c.r, c.door); err != nil {
		return err
	}
	c.sayBroken(c.session.Principal().Broken)
	return nil
}

// challenge sets the header that says which token an error asks for (RFC 6750
// §3). A request without one, or with what is no token, learns nothing but that it needs one.
func (c *call) challenge(err error) {
	if c.door == nil || c.api.config.Authenticate == nil {
		return
	}
	code := ""
	switch kind := fault.KindOf(err); {
	case kind == fault.Unauthenticated && hasToken(c.r):
		code = "invalid_token"
	case kind == fault.Unauthenticated:
	case kind == fault.Forbidden && errors.Is(err, records.ErrScope):
		code = "insufficient_scope"
	default:
		return
	}
	text := "Bearer realm=" + quoted(c.door.Base())
	if code != "" {
		text += ", error=" + quoted(code)
		if e, ok := errors.AsType[*fault.Error](err); ok {
			text += ", error_description=" + quoted(e.Issues[0].Message)
		}
	}
	c.w.Header().Set("WWW-Authenticate", text)
}

// hasToken says whether a request says that it has a token (RFC 6750 §2.1).
func hasToken(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Bearer")
}

// quoted is a quoted-string of the characters that RFC 6750 §3 allows.
func quoted(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < ' ' || r > '~':
			return ' '
		}
		return r
	}, s) + `"`
}

// cacheable is the Cache-Control of an answer: what a token opened is kept by no
// cache, not even the browser's.
func (c *call) cacheable() string {
	if c.format.browser || c.api.config.Authenticate != nil {
		return "no-store"
	}
	return "private, no-cache"
}

// oauthURIs is the extension by which SMART App Launch 1 told the endpoints
// (http://hl7.org/fhir/smart-app-launch/1.0.0/conformance).
func (o OAuth) oauthURIs() capExtension {
	uris := capExtension{URL: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"}
	for _, one := range []capExtension{
		{URL: "authorize", URI: o.Authorize}, {URL: "token", URI: o.Token}, {URL: "register", URI: o.Register},
		{URL: "manage", URI: o.Manage}, {URL: "introspect", URI: o.Introspect}, {URL: "revoke", URI: o.Revoke},
	} {
		if one.URI != "" {
			uris.Extension = append(uris.Extension, one)
		}
	}
	return uris
}
