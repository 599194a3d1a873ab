package auth

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// maxClaims bounds the parameter claims, in bytes.
const maxClaims = 4096

// claimsAsked are the claims that an app asks for by name (OpenID Connect Core
// §5.5). Those that are not known here are no errors.
type claimsAsked struct {
	UserInfo map[string]*claimAsked `json:"userinfo"`
	IDToken  map[string]*claimAsked `json:"id_token"`
}

// claimAsked is how one is asked for; nil when that does not matter.
type claimAsked struct {
	Essential bool              `json:"essential"`
	Value     json.RawMessage   `json:"value"`
	Values    []json.RawMessage `json:"values"`
}

// parseClaims reads the parameter claims; of a request that is not one of OpenID
// Connect nothing.
func parseClaims(text, scope string) (asked claimsAsked, err error) {
	if text == "" || !slices.Contains(strings.Fields(scope), smart.OpenID) {
		return asked, nil
	}
	if len(text) > maxClaims || json.Unmarshal([]byte(text), &asked) != nil {
		return asked, identity.Refuse(identity.InvalidRequest, "claims is a JSON object of up to %d bytes, as OpenID Connect Core section 5.5 has it", maxClaims)
	}
	if acr := asked.IDToken["acr"]; acr != nil && acr.Essential && (acr.Value != nil || acr.Values != nil) {
		return asked, identity.Refuse(identity.UnmetAuthentication, "no sign-in here is of an authentication context class (acr); how the user signed in says amr")
	}
	return asked, nil
}

// claimScopes are the scopes that claims about a user come with.
var claimScopes = map[string]string{"fhirUser": smart.FHIRUser, "profile": smart.Profile, "name": smart.Profile}

// scope adds to a scope those of the claims, which the user is asked for as for
// any other.
func (a claimsAsked) scope(scope string) string {
	for _, claims := range []map[string]*claimAsked{a.UserInfo, a.IDToken} {
		for name := range claims {
			if s := claimScopes[name]; s != "" && !slices.Contains(strings.Fields(scope), s) {
				scope += " " + s
			}
		}
	}
	return scope
}

// subject is the user who has to be signed in; "" for whoever is.
func (a claimsAsked) subject() (user string, err error) {
	sub := a.IDToken["sub"]
	if sub == nil || sub.Value == nil {
		return "", nil
	}
	if err := json.Unmarshal(sub.Value, &user); err != nil || user == "" {
		return "", identity.Refuse(identity.InvalidRequest, "claims: the value of sub is a text")
	}
	return user, nil
}
