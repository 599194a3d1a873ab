package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
)

// oneRole is the argument of commands about the rules of one role.
type oneRole struct {
	identityFlags
	Name string `arg:"" name:"role" help:"The role, such as nurse."`
}

type roleShow struct{ oneRole }

func (c *roleShow) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "role show", c) }

func (c *roleShow) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	r, err := in.AccessRole(ctx, c.Name)
	if errors.Is(err, identity.ErrNotFound) {
		return noRules(c.Name)
	}
	if err != nil {
		return err
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

func noRules(name string) error {
	return fmt.Errorf("there are no rules of a role %s: ingle role list lists the roles; patient, proxy, administrator and app-developer have none", name)
}

type roleSet struct {
	keepingFlags
	File    []byte `arg:"" type:"filecontent" name:"file" help:"JSON as ingle role show prints it (docs/accounts.md)."`
	KeyFile string `json:"-" placeholder:"FILE" help:"The key file, as ingle role show takes it; the rules of a role need none."`
}

func (c *roleSet) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "role set", c) }

// keep checks the rules by the search parameters of the records.
func (c *roleSet) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	var r access.Role
	d := json.NewDecoder(bytes.NewReader(c.File))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return usage("the file is not a role: %v", err)
	}
	return told(s.SetAccessRole(ctx, r), out, "The role %s has %d rules; they hold at the next request.", r.Name, len(r.Rules))
}

type roleReset struct{ oneRole }

func (c *roleReset) Run(ctx context.Context, m *Main) error { return c.order(ctx, m, "role reset", c) }

func (c *roleReset) administer(ctx context.Context, in *identity.Service, out io.Writer) error {
	err := in.ResetAccessRole(ctx, c.Name)
	if errors.Is(err, identity.ErrNotFound) {
		return noRules(c.Name)
	}
	return told(err, out, "The role %s is as on a new server.", c.Name)
}
