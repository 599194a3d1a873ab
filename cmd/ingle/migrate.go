package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

type migrateCommand struct {
	From      string `required:"" placeholder:"DIR|URL" help:"Where the records are: the folder of SQLite, or the postgres:// URL."`
	To        string `required:"" placeholder:"DIR|URL" help:"Where they go: a folder, made if it is not there, or a postgres:// URL. No tenant of --from may have records there, unless this very migration was interrupted."`
	LeaveJobs bool   `help:"Move although --from has jobs that have not ended, such as an import that was interrupted. They stay there."`
	BaseURL   string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public URL of the server, as given to serve: references to it are local."`

	definitionFlags
	indexFlags
	logFlags
}

// Help is shown by `ingle migrate --help`.
func (c *migrateCommand) Help() string {
	return `Examples:

  ingle migrate --from ./records --to postgres://ingle@localhost/ingle
      From SQLite to PostgreSQL, when one machine is not enough.

  ingle migrate --from postgres://ingle@localhost/ingle --to ./records --package hl7.fhir.us.core-7.0.0.tgz
      And back. Give the releases (--fhir), packages, base URL and --index-content that serve is given: the search index is made with them.

Every tenant is moved: all versions in their order, with their numbers, times, methods and releases, deletes, the content of
Binaries, settings and the audit log with its keys. The source stays as it is. Stop the servers of both sides first. Jobs are not moved: an import, export
or reindex that was interrupted has to be finished before, by giving its command again, or to be left with --leave-jobs.

At the end both sides are read and compared: resources by type, the number of versions, and a SHA-256 over all of them. The
exit code is 0 only if they agree. When the command is stopped or killed, give it again: it goes on where it was. Given once
more after that, it compares again.`
}

// Run moves every tenant.
func (c *migrateCommand) Run(ctx context.Context, m *Main) error {
	from, to := placeOf(c.From), placeOf(c.To)
	if from.same(to) {
		return usage("--from and --to are the same")
	}
	all, err := c.load()
	if err != nil {
		return err
	}
	names, err := from.tenants(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return usage("--from: there are no records in %s", from.place())
	}
	for _, name := range names {
		if err := c.tenant(ctx, m, name, from, to, all); err != nil {
			return fmt.Errorf("%s: %w", called(name), err)
		}
	}
	return nil
}

// placeOf reads a folder or URL.
func placeOf(s string) storeFlags {
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		return storeFlags{Database: s}
	}
	return storeFlags{Data: s}
}

func (f storeFlags) same(o storeFlags) bool {
	a, errA := filepath.Abs(f.Data)
	b, errB := filepath.Abs(o.Data)
	return f.Database == o.Database && (f.Database != "" || errA == nil && errB == nil && a == b)
}

func called(tenant string) string {
	if tenant == "" {
		return "default tenant"
	}
	return "tenant " + tenant
}

// tenant moves one tenant and shows the proof.
func (c *migrateCommand) tenant(ctx context.Context, m *Main, name string, from, to storeFlags, all []*definitions.Definitions) (err error) {
	policy, log := records.DefaultPolicy(), c.logger(m.Stderr)
	policy.IndexContent = c.IndexContent
	source, err := from.openDoor(ctx, name, all, c.BaseURL, policy, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := to.openDoor(ctx, name, all, c.BaseURL, policy, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	show := newMeter(m.Stderr, false)
	moved := int64(0)
	began := time.Now()
	result, err := records.Migrate(ctx, source, target, records.MigrateOptions{
		LeaveJobs: c.LeaveJobs,
		Event:     commandEvent(audit.Administer, "migrate to "+to.place(), nil, nil),
		Progress: func(p records.MigrateProgress) {
			what := " versions moved"
			if p.Comparing {
				what = " versions compared"
			} else {
				moved = p.Versions
			}
			show.progress(p.Versions, p.Total, humanize.Comma(p.Versions)+what, called(name))
		},
		Waiting: func(time.Time) {
			show.note("The same migration is running, or was killed a moment ago; waiting for it.")
		},
	})
	show.close()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return fmt.Errorf("stopped after %s versions; give the same command again to go on", humanize.Comma(moved))
	}
	if result.From.Hash != "" {
		took := time.Since(began)
		switch {
		case result.Before:
			fmt.Fprintf(m.Stdout, "%s: was moved before; compared in %s\n", called(name), took.Round(10*time.Millisecond))
		default:
			fmt.Fprintf(m.Stdout, "%s: %s versions moved and compared in %s\n", called(name), humanize.Comma(result.Versions), took.Round(10*time.Millisecond))
		}
		if err := proof(m, result); err != nil {
			return err
		}
	}
	switch {
	case result.Before && err != nil:
		return fmt.Errorf("what was moved to %s before is no longer the same as the source", to.place())
	case errors.Is(err, records.ErrUnfinished):
		return fmt.Errorf("%w; finish them by giving their commands again, or leave them with --leave-jobs", err)
	case errors.Is(err, audit.ErrOther):
		return usage("--to: there is another audit log in %s already", to.place())
	case errors.Is(err, records.ErrNotEmpty):
		return usage("--to: there are other records in %s already", to.place())
	}
	return err
}

// proof shows what both sides hold.
func proof(m *Main, r records.Migration) error {
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
	row := func(what string, from, to any) { fmt.Fprintf(w, "  %s\t%v\t%v\n", what, from, to) }
	row("", "from", "to")
	types := map[fhir.Type]bool{}
	for _, side := range []map[fhir.Type]int64{r.From.Resources, r.To.Resources} {
		for t := range side {
			types[t] = true
		}
	}
	for _, t := range slices.Sorted(maps.Keys(types)) {
		row(string(t), humanize.Comma(r.From.Resources[t]), humanize.Comma(r.To.Resources[t]))
	}
	row("versions", humanize.Comma(r.From.Versions), humanize.Comma(r.To.Versions))
	row("bytes of Binaries", humanize.Comma(r.From.Contents), humanize.Comma(r.To.Contents))
	row("users, clients, tokens ...", humanize.Comma(r.From.Items), humanize.Comma(r.To.Items))
	row("SHA-256", r.From.Hash[:16], r.To.Hash[:16])
	row("settings", r.From.Settings[:16], r.To.Settings[:16])
	row("users and so on", r.From.ItemsHash[:16], r.To.ItemsHash[:16])
	row("audit log", r.From.Events[:16], r.To.Events[:16])
	if err := w.Flush(); err != nil {
		return err
	}
	if r.Agrees() {
		fmt.Fprintf(m.Stdout, "  Both sides agree. SHA-256 of all versions: %s\n", r.From.Hash)
	} else {
		fmt.Fprintln(m.Stdout, "  The two sides differ.")
	}
	return nil
}
