package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/inglehealth/ingle/client/bench"
)

type benchCommand struct {
	URL         string        `required:"" name:"url" placeholder:"URL" help:"FHIR base of the server: http://127.0.0.1:8080/fhir. It is written to."`
	Token       string        `placeholder:"TOKEN" help:"Bearer token, if the server asks for one."`
	Workload    []string      `placeholder:"NAME" sep:"," help:"crud, transaction, bundle or read; all if none is given. May be repeated."`
	Fill        int           `placeholder:"N" help:"Bring the server to N resources first."`
	Concurrency int           `default:"16" help:"Connections at work at once."`
	Duration    time.Duration `default:"10s" help:"How long each workload is measured."`
	Seed        uint64        `default:"1" help:"Seed of the generated data."`
	JSON        bool          `name:"json" help:"Show the results as JSON."`
}

// Help is shown by 'ingle bench --help'.
func (c *benchCommand) Help() string {
	return `Example:

  ingle bench --url http://127.0.0.1:8080/fhir --fill 8000 --workload read --duration 10s

It makes synthetic patients in the server and leaves them there: measure a server made for the purpose.`
}

// Run measures.
func (c *benchCommand) Run(ctx context.Context, m *Main) error {
	options := bench.Options{
		BaseURL: c.URL, Token: c.Token, Workloads: c.Workload, Fill: c.Fill,
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
