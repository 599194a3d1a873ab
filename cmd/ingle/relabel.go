package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
)

type relabelCommand struct {
	storeFlags
	definitionFlags
	indexFlags
	labelFlags
	BaseURL string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public URL of the server, as given to serve: references to it are local."`

	logFlags
}

// Help is shown by `ingle relabel --help`.
func (c *relabelCommand) Help() string {
	return `Example:

  ingle relabel --data ./records --labels rules.json
      From now on the rules in rules.json say what is sensitive; what is stored is labelled by them.

A running server does the same in the background, more slowly, when it is given other rules, or a value set that the rules
name changes; servers may go on working meanwhile (on SQLite: stop the server first). A resource whose labels change gets a
new version. When the command is stopped or killed, it goes on where it was.`
}

// Run labels every tenant.
func (c *relabelCommand) Run(ctx context.Context, m *Main) error {
	all, err := c.load()
	if err != nil {
		return err
	}
	if err := c.exclusive(); err != nil {
		return err
	}
	if err := c.present(ctx); err != nil {
		return err
	}
	policy := records.DefaultPolicy()
	policy.IndexContent = c.IndexContent
	tenants, err := c.open(ctx, all, c.BaseURL, policy, c.logger(m.Stderr), nil)
	if err != nil {
		return err
	}
	m.onClose(tenants.Close)
	if err := c.setLabelsOf(ctx, tenants.Tenants); err != nil {
		return err
	}
	for _, name := range tenants.Names() {
		door, _ := tenants.Door(name)
		err := relabel(ctx, m, door)
		if logged := tenants.record(ctx, commandEvent(audit.Administer, c.title(), nil, err), name); logged != nil {
			err = errors.Join(err, logged)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// title is the command with its rules, for the audit log.
func (c *relabelCommand) title() string {
	if c.Labels == "" {
		return "relabel"
	}
	return "relabel by " + c.Labels
}

// setLabelsOf gives all tenants the rules of --labels, if there is one.
func (f labelFlags) setLabelsOf(ctx context.Context, tenants *records.Tenants) error {
	for _, name := range tenants.Names() {
		door, _ := tenants.Door(name)
		if err := f.setLabels(ctx, door); err != nil {
			return err
		}
	}
	return nil
}

// setLabels gives a tenant the rules of --labels, if there is one.
func (f labelFlags) setLabels(ctx context.Context, door *records.Door) error {
	switch f.Labels {
	case "":
		return nil
	case "shipped":
		return door.SetLabeling(ctx, nil)
	case "off":
		return door.SetLabeling(ctx, &label.Rules{})
	}
	text, err := os.ReadFile(f.Labels)
	if err != nil {
		return usage("--labels: %v", err)
	}
	rules, err := label.Parse(text)
	if err != nil {
		return fmt.Errorf("--labels %s: %w", f.Labels, err)
	}
	return door.SetLabeling(ctx, &rules)
}

// relabel labels one tenant. It is a durable job.
func relabel(ctx context.Context, m *Main, door *records.Door) error {
	name := door.Name()
	if name == "" {
		name = "default tenant"
	}
	start := time.Now()
	shown := start
	waiting := false
	var done records.RelabelProgress
	work := func(ctx context.Context, w *jobs.Work) error {
		return door.Relabel(ctx, w, func(p records.RelabelProgress) error {
			if done = p; time.Since(shown) > time.Second {
				shown = time.Now()
				fmt.Fprintf(m.Stdout, "%s: %s of %s resources read, %s changed\n", name, humanize.Comma(p.Read), humanize.Comma(p.Total), humanize.Comma(p.Changed))
			}
			return ctx.Err()
		})
	}
	err := jobs.Do(ctx, jobs.Config{Store: door.Jobs()},
		jobs.Job{ID: records.RelabelJob, Kind: records.RelabelJob}, work, func(time.Time) {
			if !waiting {
				waiting = true
				fmt.Fprintf(m.Stdout, "%s: another relabel is running, or was killed a moment ago; waiting for it\n", name)
			}
		})
	if errors.Is(err, context.Canceled) || errors.Is(err, jobs.ErrShutdown) {
		return fmt.Errorf("%s: stopped; run it again to label the rest", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	l, err := door.Labeling(ctx)
	if err != nil {
		return err
	}
	for _, url := range slices.Sorted(maps.Keys(l.Problems)) {
		fmt.Fprintf(m.Stderr, "%s: the value set %s counts as empty: %s\n", name, url, l.Problems[url])
	}
	fmt.Fprintf(m.Stdout, "%s: %s resources read, %s changed, %s refused, in %s\n", name,
		humanize.Comma(done.Read), humanize.Comma(done.Changed), humanize.Comma(done.Refused), time.Since(start).Round(time.Millisecond))
	return nil
}
