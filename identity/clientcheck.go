package identity

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/smart"
)

// Lifetimes of what is issued.
const (
	AccessFor  = time.Hour            // access tokens, at most (SMART §3.0.3)
	BackendFor = 5 * time.Minute      // access tokens of client_credentials, at most (SMART §4.0.4)
	RefreshFor = 180 * 24 * time.Hour // refresh tokens, renewed with each use
	OutsideFor = 5 * time.Minute      // tokens for outside resource servers

	codeFor = time.Minute
)

// shortest lifetimes that a client may be given.
const (
	minAccess  = time.Minute
	minRefresh = 90 * 24 * time.Hour
)

// complete sets what a registration left open (RFC 7591 §2).
func (c *Client) complete() {
	if c.Auth == "" {
		c.Auth = AuthBasic
	}
	if len(c.Grants) == 0 {
		c.Grants = []GrantType{AuthorizationCode, RefreshToken}
	}
}

// check says what of a client is not possible. plain allows http for jwks_uri,
// in development.
func (c *Client) check(plain bool) error {
	for _, check := range []func() error{c.checkNames, c.checkGrants, c.checkRedirects, c.checkLinks, c.checkScopes, c.checkLifetimes} {
		if err := check(); err != nil {
			return err
		}
	}
	return c.checkKeys(plain)
}

func (c *Client) checkNames() error {
	if len(c.ID) > 256 || strings.ContainsFunc(c.ID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Refuse(InvalidClientMetadata, "a client_id has up to 256 characters of ASCII without spaces")
	}
	if c.Name == "" || len(c.Name) > 200 || !utf8.ValidString(c.Name) || strings.ContainsFunc(c.Name, misleads) {
		return Refuse(InvalidClientMetadata, "client_name: the name that users will see, up to 200 bytes on one line")
	}
	if len(c.Contacts) > 10 || slices.ContainsFunc(c.Contacts, func(s string) bool { return len(s) > 320 }) {
		return Refuse(InvalidClientMetadata, "contacts: up to 10, of 320 bytes each")
	}
	for name, f := range map[string]struct {
		text string
		most int
	}{"description": {c.Description, 2000}, "publisher": {c.Publisher, 200}, "software_id": {c.SoftwareID, 200}, "software_version": {c.Release, 50}} {
		if len(f.text) > f.most || !utf8.ValidString(f.text) || strings.ContainsFunc(f.text, misleads) {
			return Refuse(InvalidClientMetadata, "%s: up to %d bytes on one line", name, f.most)
		}
	}
	if len(c.Categories) > 5 || slices.ContainsFunc(c.Categories, func(s string) bool {
		return s == "" || len(s) > 40 || !utf8.ValidString(s) || strings.ContainsFunc(s, misleads)
	}) {
		return Refuse(InvalidClientMetadata, "categories: up to 5, of 40 bytes each")
	}
	return nil
}

// misleads says whether a character changes what those around it look like: a name
// that users are to trust reads as it is written, on one line.
func misleads(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

func (c *Client) checkGrants() error {
	if !slices.Contains([]ClientAuth{AuthNone, AuthBasic, AuthPost, AuthAsymmetric}, c.Auth) {
		return Refuse(InvalidClientMetadata, "token_endpoint_auth_method: none, client_secret_basic, client_secret_post or private_key_jwt, not %s", c.Auth)
	}
	for _, g := range c.Grants {
		if g != AuthorizationCode && g != RefreshToken && g != ClientCredentials {
			return Refuse(InvalidClientMetadata, "grant_types: authorization_code, refresh_token and client_credentials, not %s", g)
		}
	}
	if c.May(RefreshToken) && !c.May(AuthorizationCode) {
		return Refuse(InvalidClientMetadata, "grant_types: refresh_token needs authorization_code")
	}
	if c.May(ClientCredentials) && c.Auth != AuthAsymmetric {
		return Refuse(InvalidClientMetadata, "grant_types: client_credentials needs token_endpoint_auth_method private_key_jwt (SMART Backend Services)")
	}
	if !c.NoPKCEUntil.IsZero() && !c.Confidential() {
		return Refuse(InvalidClientMetadata, "a public client cannot be excepted from PKCE")
	}
	return nil
}

func (c *Client) checkRedirects() error {
	if c.May(AuthorizationCode) == (len(c.Redirects) == 0) {
		return Refuse(InvalidRedirectURI, "redirect_uris: at least one with the grant type authorization_code, none without")
	}
	if len(c.Redirects) > maxURIList || len(c.PostLogout) > maxURIList || len(c.Origins) > maxURIList {
		return Refuse(InvalidRedirectURI, "more than %d addresses", maxURIList)
	}
	for _, uri := range slices.Concat(c.Redirects, c.PostLogout) {
		if err := checkRedirect(uri); err != nil {
			return err
		}
	}
	for _, origin := range c.Origins {
		if originOf(origin) != origin {
			return Refuse(InvalidClientMetadata, "%s: an origin is https://host or https://host:port, in lower case and with nothing after it", origin)
		}
	}
	return nil
}

// checkLinks looks at the addresses that users may follow.
func (c *Client) checkLinks() error {
	for _, uri := range []string{c.LaunchURI, c.URI, c.LogoURI, c.PolicyURI, c.TermsURI} {
		if uri == "" {
			continue
		}
		u, err := parseURI(uri)
		if err != nil {
			return err
		}
		if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return Refuse(InvalidClientMetadata, "%s: an address of the app begins with https://", uri)
		}
	}
	return nil
}

func (c *Client) checkScopes() error {
	if _, err := smart.ParseScopes(c.Scopes.String()); err != nil {
		return Refuse(InvalidClientMetadata, "scope: %v", err)
	}
	for _, scope := range c.Scopes {
		if !smart.Known(scope) && scope != ScopeIntrospect && scope != ScopeLaunch {
			return Refuse(InvalidClientMetadata, "scope: %s is not known", scope)
		}
	}
	for _, p := range c.Purposes {
		if !access.KnownPurpose(p) || p == access.BreakGlass {
			return Refuse(InvalidClientMetadata, "purposes_of_use: %s is none that an app can ask for, such as TREAT, HPAYMT, HOPERAT or HRESCH", p)
		}
	}
	if !c.May(ClientCredentials) && (c.Scopes.Level(smart.System) || c.Scopes.Has(ScopeIntrospect) || c.Scopes.Has(ScopeLaunch)) {
		return Refuse(InvalidClientMetadata, "scope: system/ scopes and %s and %s need the grant type client_credentials", ScopeIntrospect, ScopeLaunch)
	}
	return nil
}

func (c *Client) checkLifetimes() error {
	if c.AccessFor != 0 && (c.AccessFor < minAccess || c.AccessFor > AccessFor) {
		return Refuse(InvalidClientMetadata, "access tokens last from %v to %v", minAccess, AccessFor)
	}
	if c.RefreshFor != 0 && c.RefreshFor < minRefresh {
		return Refuse(InvalidClientMetadata, "refresh tokens last %d days or more after their last use", minRefresh/(24*time.Hour))
	}
	return nil
}

func (c *Client) checkKeys(plain bool) error {
	if c.Auth != AuthAsymmetric {
		if len(c.JWKS) > 0 || c.JWKSURI != "" {
			return Refuse(InvalidClientMetadata, "jwks and jwks_uri belong to token_endpoint_auth_method private_key_jwt")
		}
		return nil
	}
	if (len(c.JWKS) > 0) == (c.JWKSURI != "") {
		return Refuse(InvalidClientMetadata, "private_key_jwt needs either jwks or jwks_uri")
	}
	if c.JWKSURI != "" {
		u, err := parseURI(c.JWKSURI)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(plain && u.Scheme == "http") {
			return Refuse(InvalidClientMetadata, "jwks_uri: an https address that serves the public keys")
		}
		return nil
	}
	set, err := parseKeys(c.JWKS)
	if err != nil {
		return Refuse(InvalidClientMetadata, "jwks: %v", err)
	}
	if len(set) == 0 {
		return Refuse(InvalidClientMetadata, "jwks: it needs a public key with a kid, for %s: RSA of 2048 bits or more (for PS256 with that alg), P-384, P-256 or Ed25519", assertionAlgorithms())
	}
	return nil
}
