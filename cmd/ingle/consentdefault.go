package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
)

type consentDefaultCommand struct {
	Show  consentDefaultShow  `cmd:"" help:"Print what holds where no consent decides, as JSON, for ingle consent-default set."`
	Set   consentDefaultSet   `cmd:"" help:"Say what holds where no consent decides. It holds at the next request."`
	Reset consentDefaultReset `cmd:"" help:"Give the defaults of a new server back."`
}

type consentDefaultShow struct{ keepingFlags }

func (c *consentDefaultShow) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "consent-default show", c)
}

func (c *consentDefaultShow) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	defaults, err := s.ConsentDefaults(ctx)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(defaults, "", "  ")
	return told(err, out, "%s", text)
}

type consentDefaultSet struct {
	keepingFlags
	Policy string `arg:"" help:"A file with JSON as ingle consent-default show prints it, or the name of an implicit policy of IHE PCF: basic-normal, all-normal, break-glass-only or deny."`

	Defaults access.Defaults `arg:"" kong:"-"` // which is recorded
}

func (c *consentDefaultSet) Run(ctx context.Context, m *Main) error {
	var implicit bool
	if c.Defaults, implicit = access.Implicit(c.Policy); !implicit {
		text, err := os.ReadFile(c.Policy)
		if err != nil {
			return usage("%v; without a file, name one of %s", err, strings.Join(access.ImplicitPolicies(), ", "))
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&c.Defaults); err != nil {
			return usage("%s: %v", c.Policy, err)
		}
	}
	return c.order(ctx, m, "consent-default set", c)
}

func (c *consentDefaultSet) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	purposes := strings.Join(c.Defaults.Permit, ", ")
	if purposes == "" {
		purposes = "no purpose"
	}
	return told(s.SetConsentDefaults(ctx, c.Defaults), out, "Where no consent decides, data is shown for %s, and %d labels are sealed; it holds at the next request.", purposes, len(c.Defaults.Sealed))
}

type consentDefaultReset struct{ keepingFlags }

func (c *consentDefaultReset) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "consent-default reset", c)
}

func (c *consentDefaultReset) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	return told(s.ResetConsentDefaults(ctx), out, "Where no consent decides, it is as on a new server.")
}
