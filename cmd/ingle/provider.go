package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/inglehealth/ingle/identity"
)

type providerCommand struct {
	Add    providerAdd    `cmd:"" help:"Add an outside OpenID Connect provider through which users sign in, or change one."`
	List   providerList   `cmd:"" help:"List the providers."`
	Remove providerRemove `cmd:"" help:"Remove a provider; links of users to accounts there stay."`
}

type providerAdd struct {
	identityFlags
	ID         string   `arg:"" name:"id" help:"Letters, digits and hyphens; it is part of addresses."`
	Name       string   `required:"" help:"Name on the button."`
	Issuer     string   `required:"" placeholder:"URL" help:"Its issuer, exactly as it writes it."`
	ClientID   string   `required:"" name:"client-id" help:"What Ingle is called there. Its redirect URI is /auth/outside/back below the server's address."`
	SecretFile []byte   `type:"filecontent" placeholder:"FILE" help:"File with the secret of that client. Left out, the secret stays as it is."`
	Scope      []string `sep:"," help:"Scopes to ask for beside openid. May be repeated."`
	Create     bool     `help:"Make a user of whoever signs in and is not linked."`
	Role       []string `sep:"," placeholder:"ROLE" help:"Roles of users that are made. May be repeated."`
	TwoFactors bool     `help:"The provider asks for a second factor itself."`
}

func (c *providerAdd) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "provider add", c)
}

func (c *providerAdd) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	p := identity.Provider{
		ID: c.ID, Name: c.Name, Issuer: c.Issuer, ClientID: c.ClientID, Secret: strings.TrimSpace(string(c.SecretFile)), Scopes: c.Scope,
		Create: c.Create, MultiFactor: c.TwoFactors,
	}
	for _, r := range c.Role {
		p.Roles = append(p.Roles, identity.Role(r))
	}
	return told(in.SetProvider(ctx, p), out, "Users may sign in through %s. Its redirect URI here is %s/auth/outside/back", c.Name, in.Issuer())
}

type providerList struct{ identityFlags }

func (c *providerList) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "provider list", c)
}

func (c *providerList) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	providers, err := in.Providers(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"ID", "NAME", "ISSUER", "CLIENT_ID", "MAKES USERS"}}
	for _, p := range providers {
		makes := ""
		if p.Create {
			makes = fmt.Sprintf("yes, %s", joined(p.Roles))
		}
		rows = append(rows, []string{p.ID, p.Name, p.Issuer, p.ClientID, makes})
	}
	return lines(out, rows)
}

type providerRemove struct {
	identityFlags
	ID string `arg:"" name:"id" help:"Its id."`
}

func (c *providerRemove) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "provider remove", c)
}

func (c *providerRemove) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	return told(in.RemoveProvider(ctx, c.ID), out, "Nobody signs in through %s any more.", c.ID)
}
