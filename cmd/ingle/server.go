package main

import (
	"context"
	"errors"
	"io"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

type serverCommand struct {
	Add    serverAdd    `cmd:"" help:"Register another resource server: apps may ask for tokens for it alone, which it can check by itself (JWTs of five minutes)."`
	List   serverList   `cmd:"" help:"List the resource servers."`
	Remove serverRemove `cmd:"" help:"Issue no more tokens for a resource server."`
}

type serverAdd struct {
	identityFlags
	URI   string `arg:"" name:"uri" help:"What apps name as resource."`
	Name  string `required:"" help:"Name to show."`
	Scope string `required:"" help:"Scopes that its tokens may have, separated by spaces."`
}

func (c *serverAdd) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "server add", c) }

func (c *serverAdd) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	scopes, err := smart.ParseScopes(c.Scope)
	if err != nil {
		return usage("--scope: %v", err)
	}
	return told(in.SetResourceServer(ctx, identity.ResourceServer{URI: c.URI, Name: c.Name, Scopes: scopes}), out,
		"Apps may ask for tokens for %s. It checks them with the keys at %s/auth/jwks", c.URI, in.Issuer())
}

type serverList struct{ identityFlags }

func (c *serverList) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "server list", c)
}

func (c *serverList) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	servers, err := in.ResourceServers(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"URI", "NAME", "SCOPES"}}
	for _, r := range servers {
		rows = append(rows, []string{r.URI, r.Name, r.Scopes.String()})
	}
	return lines(out, rows)
}

type serverRemove struct {
	identityFlags
	URI string `arg:"" name:"uri" help:"Its uri."`
}

func (c *serverRemove) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "server remove", c)
}

func (c *serverRemove) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	err := in.RemoveResourceServer(ctx, c.URI)
	if errors.Is(err, identity.ErrNotFound) {
		return usage("there is no resource server %s; `ingle server list` shows them", c.URI)
	}
	return told(err, out, "No more tokens are issued for %s; those that were end within five minutes.", c.URI)
}
