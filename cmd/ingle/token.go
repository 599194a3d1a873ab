package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

type tokenCommand struct {
	Create tokenCreate `cmd:"" help:"Print an access token for scripts."`
	Show   tokenShow   `cmd:"" help:"Show what an access or refresh token is good for."`
	Revoke tokenRevoke `cmd:"" help:"Make a token useless at once, and all that came of the same consent."`
}

type tokenCreate struct {
	identityFlags
	Scope string        `required:"" placeholder:"SCOPES" help:"What it may do: system/ scopes, separated by spaces, such as 'system/Patient.rs system/Observation.rs'."`
	TTL   time.Duration `name:"ttl" default:"1h" help:"How long it is good."`
	Name  string        `default:"ingle token create" help:"What it is for, as lists show it."`
}

// Help is shown by `ingle token create --help`.
func (c *tokenCreate) Help() string {
	return `Example:

  TOKEN=$(ingle token create --scope 'system/*.cruds' --ttl 1h --data ./records)
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/fhir/Patient

It works while a server runs on the folder, too. The token is shown this once and kept as a hash.`
}

func (c *tokenCreate) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "token create", c)
}

func (c *tokenCreate) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	scopes, err := smart.ParseScopes(c.Scope)
	if err != nil {
		return usage("--scope: %v", err)
	}
	token, err := in.CreateToken(ctx, c.Name, scopes, c.TTL)
	return told(err, out, "%s", token)
}

// oneToken is the argument of commands about one token.
type oneToken struct {
	identityFlags
	Token string `arg:"" help:"The token."`
}

type tokenShow struct{ oneToken }

func (c *tokenShow) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "token show", c) }

func (c *tokenShow) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	is, err := in.Introspect(ctx, c.Token)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(is, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", text)
	}
	return err
}

type tokenRevoke struct{ oneToken }

func (c *tokenRevoke) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "token revoke", c)
}

func (c *tokenRevoke) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return told(in.RevokeToken(ctx, c.Token), out, "The token is good for nothing any more.")
}
