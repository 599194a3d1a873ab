package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/client/bench"
)

type benchCommand struct {
	URL         string        `name:"url" placeholder:"URL" help:"FHIR base of the server: http://127.0.0.1:8080/fhir. It is written to."`
	Token       string        `placeholder:"TOKEN" help:"Bearer token, if the server asks for one."`
	Workload    []string      `placeholder:"NAME" sep:"," help:"crud, transaction, bundle, read, search (twelve searches; search/chain for one of them), counts, subscriptions or export; all if none is given. matching, alone, needs no server. May be repeated."`
	Fill        int           `placeholder:"N" help:"Bring the server to N resources first."`
	From        []string      `sep:"none" type:"existingfile" placeholder:"FILE" help:"Fill with copies of these Bundles, each under ids and identifiers of its own: one a line, gzipped or not, as Synthea writes them. May be repeated."`
	More        []string      `arg:"" optional:"" name:"file" type:"existingfile" help:"More files for --from."`
	Write       string        `placeholder:"FILE" help:"Write what --fill and --from make to a gzipped NDJSON file for 'ingle import' instead, and measure nothing."`
	Concurrency int           `default:"16" help:"Connections at work at once."`
	Duration    time.Duration `default:"10s" help:"How long each workload is measured."`
	Seed        uint64        `default:"1" help:"Seed of the generated data."`
	JSON        bool          `name:"json" help:"Show the results as JSON."`
}

// Help is shown by 'ingle bench --help'.
func (c *benchCommand) Help() string {
	return `Example:

  ingle bench --url http://127.0.0.1:8080/fhir --fill 8000 --workload read --duration 10s

  ingle bench --from synthea/*.ndjson.gz --fill 1000000 --write million.ndjson.gz
  ingle import --data /tmp/million million.ndjson.gz

It makes synthetic patients in the server and leaves them there: measure a server made for the purpose.`
}

// Run measures.
func (c *benchCommand) Run(ctx context.Context, m *Main) error {
	from := slices.Concat(c.From, c.More)
	switch {
	case len(c.More) > 0 && len(c.From) == 0:
		return usage("%s: files of a population come after --from", c.More[0])
	case len(from) > 0 && c.Fill <= 0:
		return usage("--from needs --fill N: how many resources to make")
	case c.Write != "" && len(from) == 0:
		return usage("--write needs --from: the files to make the population of")
	case slices.Equal(c.Workload, []string{matching}):
		return benchMatching(ctx, m, c.Duration)
	case c.Write == "" && c.URL == "":
		return usage("give --url, the server to measure")
	case c.Write != "":
		began := time.Now()
		written, err := bench.WritePopulation(ctx, c.Write, from, c.Fill, c.Seed)
		if err != nil {
			return err
		}
		fmt.Fprintf(m.Stdout, "%s resources written to %s in %s\n", humanize.Comma(int64(written)), c.Write, time.Since(began).Round(10*time.Millisecond))
		return nil
	}
	options := bench.Options{
		BaseURL: c.URL, Token: c.Token, From: from, Workloads: c.Workload, Fill: c.Fill,
		Concurrency: c.Concurrency, Duration: c.Duration, Seed: c.Seed, Log: m.Stdout,
	}
	if c.JSON {
		options.Log = m.Stderr
	}
	results, err := bench.Run(ctx, options)
	if c.JSON && len(results) > 0 {
		enc := json.NewEncoder(m.Stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(results); err != nil {
			return err
		}
	}
	return err
}
