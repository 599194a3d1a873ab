package smart

import (
	"errors"
	"fmt"
	"slices"
)

// Configuration is what discovery tells (§2.0.9.2). Addresses are absolute; ""
// for what the server does not have.
type Configuration struct {
	Issuer                string `json:"issuer"`
	KeysEndpoint          string `json:"jwks_uri"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	RegistrationEndpoint  string `json:"registration_endpoint"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`
	ManagementEndpoint    string `json:"management_endpoint"` // where users see and end what they allowed

	Capabilities     []string `json:"capabilities"`
	GrantTypes       []string `json:"grant_types_supported"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`
	Scopes           []string `json:"scopes_supported"`
	Authentication   []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms       []string `json:"token_endpoint_auth_signing_alg_values_supported"`

	// NamesIssuer says that each answer to an authorization request has iss
	// (RFC 9207 §3).
	NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`
}

// Has says whether the server has a capability, such as "launch-standalone".
func (c *Configuration) Has(capability string) bool {
	return slices.Contains(c.Capabilities, capability)
}

func (c *Configuration) check() error {
	if c.TokenEndpoint == "" {
		return errors.New("it has no token_endpoint")
	}
	if c.Has("sso-openid-connect") && (c.Issuer == "" || c.KeysEndpoint == "") {
		return errors.New("with sso-openid-connect it needs issuer and jwks_uri")
	}
	if c.NamesIssuer && c.Issuer == "" {
		return errors.New("with authorization_response_iss_parameter_supported it needs issuer")
	}
	for name, address := range map[string]string{
		"jwks_uri":               c.KeysEndpoint,
		"authorization_endpoint": c.AuthorizationEndpoint,
		"token_endpoint":         c.TokenEndpoint,
		"registration_endpoint":  c.RegistrationEndpoint,
		"introspection_endpoint": c.IntrospectionEndpoint,
		"revocation_endpoint":    c.RevocationEndpoint,
		"management_endpoint":    c.ManagementEndpoint,
	} {
		if address == "" {
			continue
		}
		if err := checkAddress(address); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
