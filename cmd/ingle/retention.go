package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/records"
)

type retentionCommand struct {
	Show retentionShow `cmd:"" help:"Show the retention rules as JSON."`
	Set  retentionSet  `cmd:"" help:"Replace the retention rules by those of a file."`
	Run  retentionRun  `cmd:"" help:"Apply the retention rules now, as a server does once a day."`
}

type retentionShow struct{ keepingFlags }

func (c *retentionShow) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "retention show", c)
}

func (c *retentionShow) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	rules, err := s.Retention(ctx)
	if err != nil {
		return err
	}
	if rules == nil {
		rules = []records.RetentionRule{}
	}
	text, err := json.MarshalIndent(rules, "", "  ")
	return told(err, out, "%s", text)
}

type retentionSet struct {
	keepingFlags
	File  string                  `arg:"" json:"-" help:"JSON: a list of rules with name, type, filter, days and by."`
	Rules []records.RetentionRule `kong:"-"`
}

// Help is shown by `ingle retention set --help`.
func (c *retentionSet) Help() string {
	return `Example of a file:

  [{"name": "cancelled appointments", "type": "Appointment", "filter": "status=cancelled", "days": 730, "by": "date"}]

days is the age, by the date search parameter that by names, else by the last change. docs/keeping.md says more.`
}

func (c *retentionSet) Run(ctx context.Context, m *Main) error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	d := json.NewDecoder(file)
	d.DisallowUnknownFields()
	if err := d.Decode(&c.Rules); err != nil {
		return usage("%s: %v", c.File, err)
	}
	return c.order(ctx, m, "retention set", c)
}

func (c *retentionSet) keep(ctx context.Context, s *records.Session, out io.Writer) error {
	return told(s.SetRetention(ctx, c.Rules), out, "%d rules are in force; try them with: ingle retention run --dry-run", len(c.Rules))
}

type retentionRun struct {
	keepingFlags
	DryRun bool `help:"Only count what would be expunged."`
}

func (c *retentionRun) Run(ctx context.Context, m *Main) error {
	return c.order(ctx, m, "retention run", c)
}

func (c *retentionRun) keep(ctx context.Context, s *records.Session, out io.Writer) (err error) {
	var counts []records.RetentionCount
	if c.DryRun {
		counts, err = s.RetentionDryRun(ctx)
	} else {
		counts, err = applied(ctx, s)
	}
	if err != nil {
		return err
	}
	what := "EXPUNGED"
	if c.DryRun {
		what = "TO EXPUNGE"
	}
	rows := [][]string{{"RULE", what, "HELD", "REFERRED TO"}}
	for _, n := range counts {
		rows = append(rows, []string{n.Rule, fmt.Sprint(n.Expunged), strconv.FormatInt(n.Held, 10), strconv.FormatInt(n.Referred, 10)})
	}
	return lines(out, rows)
}

// applied applies the rules and waits for the end.
func applied(ctx context.Context, s *records.Session) ([]records.RetentionCount, error) {
	id, err := s.ApplyRetention(ctx)
	if err != nil {
		return nil, err
	}
	for {
		counts, ended, err := s.RetentionResult(ctx, id)
		if err != nil || ended {
			return counts, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
