package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
)

type importCommand struct {
	Files []string `arg:"" name:"file" type:"existingfile" help:"NDJSON of resources or Bundles, a Bundle, or a resource; gzipped or not."`

	storeFlags
	definitionFlags
	indexFlags
	labelFlags
	BaseURL    string `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public URL of the server, as given to serve: references to it are local."`
	Report     string `default:"import-refused.tsv" placeholder:"FILE" help:"Where every refused resource is named, with file, line, entry and reason. It is written only when one is refused."`
	References string `enum:"enforce,allow-dangling" default:"enforce" help:"References to resources that are neither in the files nor in the store: refused, or accepted (${enum})."`
	Validation string `enum:"full,structure" default:"full" help:"What is checked: 'full' adds cardinality, required bindings and invariants to the structure (${enum})."`

	logFlags
}

// Help is shown by `ingle import --help`.
func (c *importCommand) Help() string {
	return `Examples:

  ingle import --data ./records Patient.ndjson Observation.ndjson.gz
      A bulk export. The order of the files does not matter.

  ingle import --data ./records synthea/*.json
      One Bundle a file: transactions, batches, collections, search results.

  ingle import --database postgres://ingle@localhost/ingle --references allow-dangling part.ndjson.gz
      A part of an export, whose references lead out of it.

Each resource is accepted, matched (it was there already) or refused by itself. When the command is stopped or killed,
give it the same files again: it goes on where it was. Ctrl-C lets what was begun be stored and counted; a second one
ends it at once. Loading the same files twice makes nothing twice.
(On SQLite: stop the server first.)`
}

// Run loads the files into one tenant.
func (c *importCommand) Run(ctx context.Context, m *Main) error {
	if err := c.oneTenant(); err != nil {
		return err
	}
	all, err := c.load()
	if err != nil {
		return err
	}
	policy := records.DefaultPolicy()
	policy.IndexContent = c.IndexContent
	policy.AllowDangling = c.References == "allow-dangling"
	if c.Validation == "structure" {
		policy.Validation = records.ValidateStructure
	}
	tenants, err := c.open(ctx, all, c.BaseURL, policy, c.logger(m.Stderr), nil)
	if err != nil {
		return err
	}
	m.onClose(tenants.Close)
	door := c.named(tenants)
	if err := c.setLabels(ctx, door); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		// Most of the heap is what the next groups are made of, soon gone.
		defer debug.SetGCPercent(debug.SetGCPercent(70))
	}
	// The first signal has what was begun stored and counted, the second ends the process.
	defer context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })()
	show := newMeter(m.Stderr, true)
	began := time.Now()
	result, err := bulkload.Run(ctx, bulkload.Options{
		Session: door.Session(records.Principal{ID: "import"}, nil), Files: c.Files, Report: c.Report,
		Progress: func(p bulkload.Progress) { show.progress(p.Read, p.Total, importing(p), p.File) },
		Waiting: func(until time.Time) {
			show.note("Another import of these files is running, or was killed a moment ago; waiting for it.")
		},
	})
	show.close()
	if logged := tenants.record(ctx, commandEvent(audit.Import, "import", nil, err), door.Name()); logged != nil {
		return errors.Join(err, logged)
	}
	took := time.Since(began)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return fmt.Errorf("stopped after %s resources; give the same files again to go on", humanize.Comma(result.Resources))
	}
	if err != nil {
		return err
	}
	if result.Resumed {
		fmt.Fprintln(m.Stdout, "This run took up an earlier one; the numbers are those of both. What that stored after its last checkpoint, if it was killed, counts as matched.")
	}
	fmt.Fprintf(m.Stdout, "%s accepted + %s matched + %s refused = %s resources, of %s lines, in %s (%s/s)\n",
		humanize.Comma(result.Accepted), humanize.Comma(result.Matched), humanize.Comma(result.Refused),
		humanize.Comma(result.Resources), humanize.Comma(result.Lines), took.Round(10*time.Millisecond),
		humanize.Comma(int64(float64(result.Resources)/max(took.Seconds(), 0.001))))
	if result.Refused > 0 {
		return errors.New(refusedAs(result.Refused, c.Report))
	}
	return nil
}

// refusedAs says how many resources were refused, and where they are named.
func refusedAs(n int64, report string) string {
	if n == 1 {
		return "1 resource was refused; " + report + " names it with the reason"
	}
	return fmt.Sprintf("%s resources were refused; %s names them with the reasons", humanize.Comma(n), report)
}

// importing says how far an import is.
func importing(p bulkload.Progress) string {
	text := humanize.Comma(p.Resources) + " resources"
	if p.Refused > 0 {
		text += ", " + humanize.Comma(p.Refused) + " refused"
	}
	if p.Pass > 1 {
		text = fmt.Sprintf("pass %d, for resources that come before what they refer to: %s", p.Pass, text)
	}
	return text
}
