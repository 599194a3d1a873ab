package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// smartSection is where SMART App Launch describes discovery.
const smartSection = "SMART App Launch 2.2 §8.1"

// discovery looks at the smart-configuration, and at OpenID's where that is promised.
func (e *examination) discovery(ctx context.Context) {
	a := e.get(ctx, "/.well-known/smart-configuration", "Accept", "application/json")
	if !e.check(a.err == nil && a.status == http.StatusOK, Fail, "The smart-configuration is found without a token", smartSection, a.words(),
		"No app can find where to sign in: serve "+e.base+"/.well-known/smart-configuration.") {
		return
	}
	e.check(a.isJSON(), Fail, "It is served as JSON", smartSection, a.header.Get("Content-Type"), "Send Content-Type: application/json.")
	c := a.object()
	if !e.check(c != nil, Fail, "It is a JSON object", smartSection, "", "It cannot be parsed.") {
		return
	}
	e.configuration = c
	capable := func(name string) bool { return slices.Contains(texts(c, "capabilities"), name) }
	launches := capable("launch-ehr") || capable("launch-standalone")
	for _, one := range []struct {
		name   string
		needed bool
		why    string
	}{
		{"token_endpoint", true, ""}, {"capabilities", true, ""}, {"grant_types_supported", true, ""}, {"code_challenge_methods_supported", true, ""},
		{"authorization_endpoint", launches, " since it launches apps"}, {"issuer", capable("sso-openid-connect"), " since it signs users in"},
		{"jwks_uri", capable("sso-openid-connect"), " since it signs users in"},
	} {
		if one.needed {
			e.check(c[one.name] != nil, Fail, "It has "+one.name+one.why, smartSection, "", "Apps that follow the standard stop here.")
		}
	}
	for _, name := range []string{"scopes_supported", "response_types_supported", "introspection_endpoint", "revocation_endpoint", "management_endpoint"} {
		e.check(c[name] != nil, Warn, "It has "+name, smartSection, "", "Recommended: apps and users go without it.")
	}
	for name, value := range c {
		address, ok := value.(string)
		if ok && (strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" || name == "issuer") && !absolute(address) {
			e.check(false, Fail, name+" is an absolute https URL", smartSection, address, "Apps send secrets there: it must be https.")
		}
	}
	methods := texts(c, "code_challenge_methods_supported")
	e.check(slices.Contains(methods, "S256"), Fail, "PKCE with S256 is supported", smartSection, strings.Join(methods, " "), "Codes can be stolen on the way to an app.")
	e.check(!slices.Contains(methods, "plain"), Fail, "PKCE with plain is not", smartSection, strings.Join(methods, " "), "The standard forbids it: it protects nothing.")
	if capable("sso-openid-connect") {
		e.openID(ctx, text(c, "issuer"))
	}
	if address := text(c, "jwks_uri"); address != "" {
		e.keys(ctx, address)
	}
}

// openID looks at OpenID Connect's own discovery (OpenID Connect Discovery 1.0 §4).
func (e *examination) openID(ctx context.Context, issuer string) {
	const section = "OpenID Connect Discovery 1.0 §4"
	a := e.send(ctx, "without token", http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", "", "Accept", "application/json")
	c := a.object()
	if !e.check(a.status == http.StatusOK && c != nil, Fail, "OpenID's configuration is found at the issuer", section, a.words(), "Libraries of OpenID Connect cannot verify who signed in.") {
		return
	}
	e.check(text(c, "issuer") == issuer, Fail, "Its issuer is the smart-configuration's", section, text(c, "issuer"), "Clients refuse id tokens of another issuer.")
	algs := texts(c, "id_token_signing_alg_values_supported")
	e.check(slices.Contains(algs, "RS256") || slices.Contains(algs, "ES256"), Fail, "id tokens are signed with RS256 or ES256", section, strings.Join(algs, " "), "Most clients verify nothing else.")
	e.check(!slices.Contains(algs, "none"), Fail, "id tokens are never unsigned", section, strings.Join(algs, " "), "Anybody can make such a token.")
}

// keys looks at the public keys (RFC 7517).
func (e *examination) keys(ctx context.Context, address string) {
	a := e.send(ctx, "without token", http.MethodGet, address, "", "Accept", "application/json")
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	err := a.err
	if err == nil {
		err = json.Unmarshal(a.body, &set)
	}
	if !e.check(err == nil && a.status == http.StatusOK && len(set.Keys) > 0, Fail, "Public keys are found at jwks_uri", "RFC 7517 §5", a.words(), "Nobody can verify id tokens.") {
		return
	}
	named, private := 0, 0
	for _, k := range set.Keys {
		if text(k, "kid") != "" {
			named++
		}
		if k["d"] != nil || k["k"] != nil {
			private++
		}
	}
	e.check(named == len(set.Keys), Fail, "Every key has a kid", "SMART App Launch 2.2 §5", fmt.Sprintf("%d of %d", named, len(set.Keys)), "Keys cannot be rotated without breaking clients.")
	e.check(private == 0, Fail, "No key is private", "RFC 7517 §9.2", fmt.Sprintf("%d of %d are", private, len(set.Keys)), "Whoever reads them can sign as this server: replace them at once.")
}
