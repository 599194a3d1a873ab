package auth

import (
	"net/http"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// capabilities are those of SMART App Launch 2.2 §8.1 that are real here.
var capabilities = []string{
	"launch-ehr", "launch-standalone", "authorize-post",
	"client-public", "client-confidential-symmetric", "client-confidential-asymmetric",
	"sso-openid-connect",
	"context-banner", "context-style", "context-ehr-patient", "context-ehr-encounter",
	"context-standalone-patient", "context-standalone-encounter",
	"permission-offline", "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2",
}

// scopesSupported are scopes that a client may ask for; there are many more.
var scopesSupported = []string{
	smart.OpenID, smart.FHIRUser, smart.Profile, smart.Launch, smart.LaunchPatient, smart.LaunchEncounter,
	smart.OnlineAccess, smart.OfflineAccess,
	"patient/*.cruds", "patient/*.rs", "patient/*.read", "user/*.cruds", "user/*.rs", "user/*.read", "system/*.cruds", "system/*.rs",
}

var grantTypes = []identity.GrantType{identity.AuthorizationCode, identity.RefreshToken, identity.ClientCredentials}

var authMethods = []identity.ClientAuth{identity.AuthBasic, identity.AuthPost, identity.AuthAsymmetric, identity.AuthNone}

// metadata is what both discovery documents say (RFC 8414 §2).
type metadata struct {
	Issuer                string                `json:"issuer"`
	JWKS                  string                `json:"jwks_uri"`
	Authorization         string                `json:"authorization_endpoint"`
	Token                 string                `json:"token_endpoint"`
	Introspection         string                `json:"introspection_endpoint"`
	Revocation            string                `json:"revocation_endpoint"`
	Registration          string                `json:"registration_endpoint"`
	GrantTypes            []identity.GrantType  `json:"grant_types_supported"`
	ResponseTypes         []string              `json:"response_types_supported"`
	ResponseModes         []string              `json:"response_modes_supported"`
	Scopes                []string              `json:"scopes_supported"`
	CodeChallengeMethods  []string              `json:"code_challenge_methods_supported"`
	AuthMethods           []identity.ClientAuth `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms        []string              `json:"token_endpoint_auth_signing_alg_values_supported"`
	AuthorizationResponse bool                  `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
}

func (c *call) metadata(is *identity.Simulation) metadata {
	m := metadata{
		Issuer: c.Identity.Issuer(), JWKS: c.url("/auth/jwks"),
		Authorization: c.url("/auth/authorize"), Token: c.url("/auth/token"), Introspection: c.url("/auth/introspect"),
		Revocation: c.url("/auth/revoke"), Registration: c.url("/auth/register"),
		GrantTypes: grantTypes, ResponseTypes: []string{"code"}, ResponseModes: []string{"query"},
		Scopes: known(is), CodeChallengeMethods: []string{"S256"}, AuthMethods: authMethods,
		AuthorizationResponse: true,
	}
	if is != nil && is.NoRefresh {
		m.GrantTypes = []identity.GrantType{identity.AuthorizationCode, identity.ClientCredentials}
	}
	for _, a := range identity.AssertionAlgorithms {
		m.AuthAlgorithms = append(m.AuthAlgorithms, string(a))
	}
	return m
}

// smartConfiguration serves [base]/.well-known/smart-configuration (SMART §8.2).
// It is JSON whatever Accept says.
func (c *call) smartConfiguration() error {
	brands, err := c.brandDiscovery()
	if err != nil {
		return err
	}
	is, err := c.imitated()
	if err != nil {
		return err
	}
	can := capable(is)
	return c.writeJSON(http.StatusOK, struct {
		metadata
		brandDiscovery
		Management   string             `json:"management_endpoint"`
		Capabilities []string           `json:"capabilities"`
		Associated   []associatedServer `json:"associated_endpoints"`
	}{c.metadata(is), brands, c.url("/account"), can, []associatedServer{{c.base(is), can}, {c.url(appStatePath), []string{"smart-app-state"}}}})
}

// base is the address of the FHIR API, as who asked for the document knows it.
func (c *call) base(is *identity.Simulation) string {
	if is != nil {
		return c.Identity.SimulatedBase(is.Client)
	}
	return c.Identity.FHIRBase()
}

type associatedServer struct {
	URL          string   `json:"url"`
	Capabilities []string `json:"capabilities"`
}

// openIDConfiguration serves OpenID Connect Discovery 1.0 §4.
func (c *call) openIDConfiguration() error {
	m := c.metadata(nil)
	return c.writeJSON(http.StatusOK, struct {
		metadata
		UserInfo       string   `json:"userinfo_endpoint"`
		EndSession     string   `json:"end_session_endpoint"`
		Subjects       []string `json:"subject_types_supported"`
		Algorithms     []string `json:"id_token_signing_alg_values_supported"`
		Claims         []string `json:"claims_supported"`
		Prompts        []string `json:"prompt_values_supported"`
		RequestURI     bool     `json:"request_uri_parameter_supported"`
		RequestObjects bool     `json:"request_parameter_supported"`
		RequestSigning []string `json:"request_object_signing_alg_values_supported"`
		ClaimsObjects  bool     `json:"claims_parameter_supported"`
	}{
		metadata: m, RequestObjects: true, ClaimsObjects: true, RequestSigning: m.AuthAlgorithms, UserInfo: c.url("/auth/userinfo"), EndSession: c.url("/auth/end-session"),
		Subjects: []string{"public"}, Algorithms: []string{"RS256"},
		Claims:  []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "amr", "fhirUser", "profile", "name"},
		Prompts: []string{"none", "login", "consent", "select_account"},
	})
}

// jwks serves the public keys that tokens are signed with, as bare JWKs (SMART
// §3.0.5).
func (c *call) jwks() error {
	set, err := c.Identity.JWKS(c.r.Context())
	if err != nil {
		return err
	}
	return c.writeJSON(http.StatusOK, set)
}
