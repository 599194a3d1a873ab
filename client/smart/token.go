package smart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

// Token is an access token with what came beside it (§2.0.10.4). It is not
// changed once made; its JSON may be kept, as a secret.
type Token struct {
	Access   string
	Refresh  string    `json:",omitempty"` // "" if there is none
	Expires  time.Time `json:",omitzero"`  // zero if the server did not say
	Scopes   Scopes    // granted, which may be fewer than asked for
	Context  Context
	IDToken  string    `json:",omitempty"` // as it came
	Identity *Identity `json:",omitempty"` // what it says, verified; nil without
}

// maxLife keeps a nonsensical expires_in from overflowing.
const maxLife = 365 * 24 * time.Hour

// request asks the token endpoint. What the answer leaves out is as before: scope
// (RFC 6749 §5.1, §6), the refresh token and the context.
func (c *Client) request(ctx context.Context, form url.Values, before *Token) (*Token, error) {
	body, err := c.post(ctx, c.Server.Configuration.TokenEndpoint, form)
	if err != nil {
		return nil, err
	}
	return parseToken(body, before, c.Server.now())
}

func parseToken(body []byte, before *Token, now time.Time) (*Token, error) {
	var answer struct {
		Access  string      `json:"access_token"`
		Type    string      `json:"token_type"`
		Expires json.Number `json:"expires_in"`
		Refresh string      `json:"refresh_token"`
		Scope   *string     `json:"scope"`
		IDToken string      `json:"id_token"`
	}
	var told Context
	if err := errors.Join(json.Unmarshal(body, &answer), json.Unmarshal(body, &told)); err != nil {
		return nil, fmt.Errorf("smart: the token response: %w", err)
	}
	switch {
	case answer.Access == "":
		return nil, errors.New("smart: the token response has no access_token")
	case !strings.EqualFold(answer.Type, "Bearer"):
		return nil, fmt.Errorf("smart: the token response has token_type %q, not Bearer", answer.Type)
	}
	t := *before
	t.Access, t.Expires = answer.Access, expiry(answer.Expires, now)
	if answer.Refresh != "" {
		t.Refresh = answer.Refresh
	}
	if answer.Scope != nil {
		granted, err := smart.ParseScopes(*answer.Scope)
		if err != nil {
			return nil, fmt.Errorf("smart: the token response: scope: %w", err)
		}
		t.Scopes = granted
	}
	if answer.IDToken != "" {
		t.IDToken = answer.IDToken
	}
	if !reflect.ValueOf(told).IsZero() {
		t.Context = told
	}
	return &t, nil
}

func expiry(seconds json.Number, now time.Time) time.Time {
	n, err := seconds.Float64()
	if err != nil {
		return time.Time{}
	}
	life := min(max(n, 0), maxLife.Seconds())
	return now.Add(time.Duration(life * float64(time.Second)))
}
