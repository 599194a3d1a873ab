package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkexport"
	"github.com/inglehealth/ingle/spec/fhir"
)

type exportCommand struct {
	To string `required:"" placeholder:"DIR" help:"Folder for the files, made if it is not there. It must be empty, unless this very export was interrupted in it."`

	storeFlags
	definitionFlags
	Patient string   `placeholder:"ID" help:"The whole record of this Patient instead, as a ZIP archive: --to is its file."`
	History bool     `help:"With --patient: former versions as well."`
	Type    []string `placeholder:"TYPE" sep:"," help:"Resource types to export, all if none is given. May be repeated."`
	Since   string   `placeholder:"TIME" help:"Only resources that were changed at this time or later: 2024-05-01 or 2024-05-01T12:00:00Z."`
	Gzip    bool     `help:"Compress the files: Patient.ndjson.gz."`

	logFlags
}

// Help is shown by `ingle export --help`.
func (c *exportCommand) Help() string {
	return `Examples:

  ingle export --data ./records --to ./files --gzip
      Everything: ./files/Patient.ndjson.gz and so on, one file a type, and ./files/manifest.json.

  ingle export --database postgres://ingle@localhost/ingle --type Patient,Observation --since 2024-05-01 --to ./new
      What was changed since May, of two types. Servers may go on working meanwhile.

  ingle export --data ./records --patient maria --history --to maria.zip
      All that Patient/maria owns and what that refers to, with the content of Binaries and what the audit log says.

  ingle import --data ./other ./files/*.ndjson.gz
      The files import again to the same resources.

The files show the current resources, as they all were at one moment; history is not in them (ingle migrate moves it). The
manifest, written last, tells that moment and has the count, size and SHA-256 of each file. When the command is stopped or
killed, give it again: it goes on where it was. (On SQLite: stop the server first.)`
}

// Run exports one tenant.
func (c *exportCommand) Run(ctx context.Context, m *Main) error {
	if err := errors.Join(c.oneTenant(), c.exclusive()); err != nil {
		return err
	}
	if err := c.present(ctx); err != nil {
		return err
	}
	all, err := c.load()
	if err != nil {
		return err
	}
	o := bulkexport.Options{Dir: c.To, Gzip: c.Gzip}
	for _, t := range c.Type {
		if !all[0].IsResource(t) {
			return usage("--type %s: there is no such resource type in FHIR %s", t, all[0].Release)
		}
		o.Types = append(o.Types, fhir.Type(t))
	}
	if c.Since != "" {
		r, ok := search.ParseTime(c.Since)
		if !ok {
			return usage("--since %s is not a time: it looks like 2024-05-01 or 2024-05-01T12:00:00Z", c.Since)
		}
		o.Since = time.UnixMicro(r.Lo).UTC()
	}
	tenants, err := c.open(ctx, all, "http://127.0.0.1:8080", records.DefaultPolicy(), c.logger(m.Stderr), nil)
	if err != nil {
		return err
	}
	m.onClose(tenants.Close)
	if c.Patient != "" {
		return c.patient(ctx, m, tenants)
	}
	o.Session = c.named(tenants).Session(records.Principal{ID: "export"}, nil)
	show := newMeter(m.Stderr, false)
	written := int64(0)
	o.Progress = func(p bulkexport.Progress) {
		written = p.Written
		show.progress(p.Written, p.Total, humanize.Comma(p.Written)+" resources", c.To)
	}
	o.Waiting = func(time.Time) { show.note("The same export is running, or was killed a moment ago; waiting for it.") }
	began := time.Now()
	result, err := bulkexport.Run(ctx, o)
	show.close()
	if logged := tenants.record(ctx, commandEvent(audit.Export, "export to "+c.To, nil, err), c.named(tenants).Name()); logged != nil {
		return errors.Join(err, logged)
	}
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return fmt.Errorf("stopped after %s resources; give the same command again to go on", humanize.Comma(written))
	case errors.Is(err, bulkexport.ErrNotEmpty):
		return usage("--to %w", err)
	case err != nil:
		return err
	}
	took := time.Since(began)
	if result.Resumed {
		fmt.Fprintln(m.Stdout, "This run took up an earlier one; the number is that of both.")
	}
	var size int64
	for _, o := range result.Output {
		size += o.Size
	}
	fmt.Fprintf(m.Stdout, "%s resources in %d files of %s, as of %s, in %s (%s/s); %s tells what they hold\n",
		humanize.Comma(result.Count), len(result.Output), humanize.IBytes(uint64(max(size, 0))), result.TransactionTime.Format(time.RFC3339),
		took.Round(10*time.Millisecond), humanize.Comma(int64(float64(result.Count)/max(took.Seconds(), 0.001))),
		filepath.Join(c.To, bulkexport.ManifestFile))
	return nil
}
