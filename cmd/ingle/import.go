package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
)

type importCommand struct {
	Files []string `arg:"" name:"file" type:"existingfile" help:"NDJSON of resources or Bundles, a Bundle, or a resource; gzipped or not."`

	storeFlags
	definitionFlags
	indexFlags
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
give it the same files again: it goes on where it was. Loading the same files twice makes nothing twice.
(On SQLite: stop the server first.)`
}

// Run loads the files into one tenant.
func (c *importCommand) Run(ctx context.Context, m *Main) error {
	if len(c.Tenant) > 1 {
		return usage("--tenant is given %d times: files are imported into one tenant", len(c.Tenant))
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
	tenants, err := c.open(ctx, all, c.BaseURL, policy, c.logger(m.Stderr))
	if err != nil {
		return err
	}
	m.onClose(tenants.Close)
	names := tenants.Names()
	door, _ := tenants.Door(names[len(names)-1]) // the tenant that was named, else the default one

	show := newMeter(m.Stderr)
	began := time.Now()
	result, err := bulkload.Run(ctx, bulkload.Options{
		Session: door.Session(records.Principal{ID: "import"}, nil), Files: c.Files, Report: c.Report,
		Progress: show.progress,
		Waiting: func(until time.Time) {
			show.note("Another import of these files is running, or was killed a moment ago; waiting for it.")
		},
	})
	show.close()
	took := time.Since(began)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return fmt.Errorf("stopped after %s resources; give the same files again to go on", humanize.Comma(result.Resources))
	}
	if err != nil {
		return err
	}
	if result.Resumed {
		fmt.Fprintln(m.Stdout, "This run took up an earlier one; the numbers are those of both.")
	}
	fmt.Fprintf(m.Stdout, "%s accepted + %s matched + %s refused = %s resources, of %s lines, in %s (%s/s)\n",
		humanize.Comma(result.Accepted), humanize.Comma(result.Matched), humanize.Comma(result.Refused),
		humanize.Comma(result.Resources), humanize.Comma(result.Lines), took.Round(10*time.Millisecond),
		humanize.Comma(int64(float64(result.Resources)/max(took.Seconds(), 0.001))))
	if result.Refused > 0 {
		return fmt.Errorf("%s resources were refused; %s names them with the reasons", humanize.Comma(result.Refused), c.Report)
	}
	return nil
}

// meter shows progress: a bar on a terminal, else a line every few seconds.
type meter struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	said  string
	shown time.Time
}

func newMeter(out io.Writer) *meter {
	m := &meter{out: out, shown: time.Now()}
	if f, ok := out.(interface{ Fd() uintptr }); ok && isatty.IsTerminal(f.Fd()) {
		m.bar = progressbar.NewOptions64(1, progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true))
	}
	return m
}

func (m *meter) progress(p bulkload.Progress) {
	text := humanize.Comma(p.Resources) + " resources"
	if p.Refused > 0 {
		text += ", " + humanize.Comma(p.Refused) + " refused"
	}
	if p.Pass > 1 {
		text = fmt.Sprintf("pass %d, for resources that come before what they refer to: %s", p.Pass, text)
	}
	if m.bar != nil {
		m.bar.ChangeMax64(max(p.Total, 1))
		m.bar.Describe(text)
		_ = m.bar.Set64(min(p.Read, p.Total)) // a terminal that is gone is no reason to stop
		return
	}
	if time.Since(m.shown) < 2*time.Second {
		return
	}
	m.shown = time.Now()
	fmt.Fprintf(m.out, "%3d %%  %s  (%s)\n", p.Read*100/max(p.Total, 1), text, p.File)
}

// note says something once.
func (m *meter) note(text string) {
	if m.said != text {
		m.said = text
		fmt.Fprintln(m.out, text)
	}
}

func (m *meter) close() {
	if m.bar != nil {
		_ = m.bar.Finish() // as above
	}
}
