package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/spec/smart"
)

func TestAClientThatBreaksARuleIsRefused(t *testing.T) {
	h := openHouse(t, Config{Store: sqliteStore(t)})
	h.app(t, func(c *Client) { c.ID = "taken" })
	many := strings.Split(strings.TrimSuffix(strings.Repeat(appRedirect+" ", maxURIList+1), " "), " ")
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	nameless, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public()}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		change func(*Client)
		code   Code
		says   string
	}{
		"an id of 257 characters":       {func(c *Client) { c.ID = strings.Repeat("i", 257) }, InvalidClientMetadata, "client_id"},
		"an id with a space":            {func(c *Client) { c.ID = "an app" }, InvalidClientMetadata, "client_id"},
		"an id that is taken":           {func(c *Client) { c.ID = "taken" }, InvalidClientMetadata, "taken already"},
		"no name":                       {func(c *Client) { c.Name = "" }, InvalidClientMetadata, "client_name"},
		"eleven contacts":               {func(c *Client) { c.Contacts = make([]string, 11) }, InvalidClientMetadata, "contacts"},
		"a description of 2001 bytes":   {func(c *Client) { c.Description = strings.Repeat("d", 2001) }, InvalidClientMetadata, "description"},
		"an unknown way to prove it":    {func(c *Client) { c.Auth = "client_secret_jwt" }, InvalidClientMetadata, "token_endpoint_auth_method"},
		"an unknown grant":              {func(c *Client) { c.Grants = []GrantType{"password"} }, InvalidClientMetadata, "grant_types"},
		"only a refresh_token":          {func(c *Client) { c.Grants, c.Redirects = []GrantType{RefreshToken}, nil }, InvalidClientMetadata, "refresh_token needs"},
		"a service with a secret":       {func(c *Client) { c.Auth, c.Grants, c.Redirects = AuthBasic, []GrantType{ClientCredentials}, nil }, InvalidClientMetadata, "private_key_jwt"},
		"no address":                    {func(c *Client) { c.Redirects = nil }, InvalidRedirectURI, "at least one"},
		"too many addresses":            {func(c *Client) { c.Redirects = many }, InvalidRedirectURI, "more than 20"},
		"too many addresses to go then": {func(c *Client) { c.PostLogout = many }, InvalidRedirectURI, "more than 20"},
		"an origin with a path":         {func(c *Client) { c.Origins = []string{"https://app.example/"} }, InvalidClientMetadata, "origin"},
		"an origin in capitals":         {func(c *Client) { c.Origins = []string{"https://App.example"} }, InvalidClientMetadata, "origin"},
		"an unknown scope":              {func(c *Client) { c.Scopes = smart.Scopes{"eat"} }, InvalidClientMetadata, "eat is not known"},
		"a scope of services":           {func(c *Client) { c.Scopes = smart.Scopes{"system/*.rs"} }, InvalidClientMetadata, "client_credentials"},
		"to break the glass":            {func(c *Client) { c.Purposes = []string{"BTG"} }, InvalidClientMetadata, "BTG"},
		"an unknown purpose":            {func(c *Client) { c.Purposes = []string{"FUN"} }, InvalidClientMetadata, "FUN"},
		"access for two hours":          {func(c *Client) { c.AccessFor = 2 * time.Hour }, InvalidClientMetadata, "from 1m0s to 1h0m0s"},
		"access for a second":           {func(c *Client) { c.AccessFor = time.Second }, InvalidClientMetadata, "from 1m0s to 1h0m0s"},
		"refresh for a month":           {func(c *Client) { c.RefreshFor = 30 * 24 * time.Hour }, InvalidClientMetadata, "90 days"},
		"keys that it does not use":     {func(c *Client) { c.JWKSURI = "https://app.example/keys" }, InvalidClientMetadata, "belong to"},
		"no keys":                       {func(c *Client) { c.Auth = AuthAsymmetric }, InvalidClientMetadata, "either jwks or jwks_uri"},
		"keys without any":              {func(c *Client) { c.Auth, c.JWKS = AuthAsymmetric, json.RawMessage(`{"keys":[]}`) }, InvalidClientMetadata, "it needs a public key"},
		"a key without a kid":           {func(c *Client) { c.Auth, c.JWKS = AuthAsymmetric, nameless }, InvalidClientMetadata, "kid"},
		"no PKCE for a public app":      {func(c *Client) { c.NoPKCEUntil = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }, InvalidClientMetadata, "PKCE"},
	} {
		c := &Client{Name: "App", Auth: AuthNone, Redirects: []string{appRedirect}, Scopes: smart.Scopes{"patient/*.rs"}}
		x.change(c)
		_, err := h.CreateClient(h.ctx, c)
		if codeOf(t, err) != x.code || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.ReplaceSecret(h.ctx, "taken"); codeOf(t, err) != InvalidClientMetadata {
		t.Errorf("a public app has another secret: %v", err)
	}
	if err := h.ReplaceKeys(h.ctx, "taken", nil, "https://app.example/keys"); codeOf(t, err) != InvalidClientMetadata {
		t.Errorf("a public app has keys: %v", err)
	}
}

func TestAResourceServerThatBreaksARuleIsRefused(t *testing.T) {
	h := openHouse(t, Config{Store: sqliteStore(t)})
	scopes := smart.Scopes{"patient/*.rs"}
	for name, x := range map[string]struct {
		server ResourceServer
		code   Code
	}{
		"over http":       {ResourceServer{URI: "http://images.example", Scopes: scopes}, InvalidTarget},
		"this one itself": {ResourceServer{URI: h.FHIRBase(), Scopes: scopes}, InvalidTarget},
		"for nothing":     {ResourceServer{URI: "https://images.example"}, InvalidScope},
	} {
		if err := h.SetResourceServer(h.ctx, x.server); codeOf(t, err) != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.SetResourceServer(h.ctx, ResourceServer{URI: "https://images.example", Scopes: scopes}); err != nil {
		t.Error(err)
	}
}
