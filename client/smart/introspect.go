package smart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
)

// Introspection is what a server says about a token (RFC 7662 §2.2, SMART §6).
// All but Active is empty when it is not active.
type Introspection struct {
	Active   bool   `json:"active"`
	Scope    string `json:"scope"`
	Client   string `json:"client_id"`
	Expires  int64  `json:"exp"` // in seconds since 1970
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	FHIRUser string `json:"fhirUser"`
	Context
}

// Introspect asks the server about an access token. Most servers answer
// confidential clients only.
func (c *Client) Introspect(ctx context.Context, access string) (*Introspection, error) {
	endpoint := c.Server.Configuration.IntrospectionEndpoint
	if endpoint == "" {
		return nil, errors.New("smart: the server has no introspection_endpoint")
	}
	body, err := c.post(ctx, endpoint, url.Values{"token": {access}, "token_type_hint": {"access_token"}})
	if err != nil {
		return nil, err
	}
	var answer Introspection
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("smart: the answer to the introspection: %w", err)
	}
	return &answer, nil
}
