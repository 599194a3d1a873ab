package main

import (
	"context"
	"io"
	"slices"

	"github.com/inglehealth/ingle/identity"
)

type roleCommand struct {
	List    roleList    `cmd:"" help:"List the roles and which of them need a second factor."`
	Show    roleShow    `cmd:"" help:"Print the rules of a role as JSON, for ingle role set."`
	Set     roleSet     `cmd:"" help:"Set the rules of a role, or add a role of people who work here. They hold at the next request."`
	Reset   roleReset   `cmd:"" help:"Give a role the rules of a new server back, or remove one that was added."`
	Require roleRequire `cmd:"" help:"Say which roles need a second factor. Sessions of their users without one end."`
}

type roleList struct{ identityFlags }

func (c *roleList) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "role list", c) }

func (c *roleList) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	p, err := in.Policy(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	all, err := in.AllRoles(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		second := ""
		if slices.Contains(p.SecondFactor, r) {
			second = "needs a second factor"
		}
		rows = append(rows, []string{string(r), second})
	}
	return lines(out, rows)
}

type roleRequire struct {
	identityFlags
	Roles []string `arg:"" optional:"" name:"role" help:"The roles; none: no role needs one."`
}

func (c *roleRequire) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "role require", c)
}

func (c *roleRequire) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	p, err := in.Policy(ctx)
	if err != nil {
		return err
	}
	p.SecondFactor = nil
	for _, r := range c.Roles {
		p.SecondFactor = append(p.SecondFactor, identity.Role(r))
	}
	if err := in.SetPolicy(ctx, p); err != nil {
		return err
	}
	return (&roleList{}).administer(ctx, in, out)
}
