package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

type reindexCommand struct {
	storeFlags
	definitionFlags
	indexFlags
	BaseURL string   `default:"http://127.0.0.1:8080" placeholder:"URL" help:"Public URL of the server, as given to serve: references to it are local."`
	Type    []string `placeholder:"TYPE" sep:"," help:"Resource types to index, all if none is given. May be repeated."`
	Param   []string `placeholder:"CODE" sep:"," help:"Only types that have this search parameter: race, or Patient:race for one type. May be repeated."`

	logFlags
}

// Help is shown by `ingle reindex --help`.
func (c *reindexCommand) Help() string {
	return `Example:

  ingle reindex --data ./records --package hl7.fhir.us.core-7.0.0.tgz
      Makes the search parameters of US Core find what was stored before.

  ingle reindex --data ./records --param Patient:race --package hl7.fhir.us.core-7.0.0.tgz
      Walks the Patients only.

A running server does the same in the background, more slowly; servers may go on working meanwhile (on SQLite: stop the
server first). What changes during the run is indexed already. The report counts resources, and the rows of the search
index that were added, removed and left as they were.`
}

// Run indexes every tenant.
func (c *reindexCommand) Run(ctx context.Context, m *Main) error {
	all, err := c.load()
	if err != nil {
		return err
	}
	types := make([]fhir.Type, len(c.Type))
	for i, t := range c.Type {
		if !all[0].IsResource(t) {
			return usage("--type %s: there is no such resource type in FHIR %s", t, all[0].Release)
		}
		types[i] = fhir.Type(t)
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
	chosen, err := withParams(tenants.Tenants, all, types, c.Param)
	if err != nil {
		return err
	}
	refused := int64(0)
	for _, name := range tenants.Names() {
		door, _ := tenants.Door(name)
		types, ok := chosen[name]
		if !ok {
			continue
		}
		n, err := reindex(ctx, m, door, all, types)
		if logged := tenants.record(ctx, commandEvent(audit.Administer, "reindex", nil, err), name); logged != nil {
			err = errors.Join(err, logged)
		}
		if err != nil {
			return err
		}
		refused += n
	}
	if refused > 0 {
		return fmt.Errorf("%d resources could not be indexed; they stand above", refused)
	}
	return nil
}

// withParams are, of each tenant that has one of params, the types among types
// ("": all) that have it; without params, types.
func withParams(tenants *records.Tenants, all []*definitions.Definitions, types []fhir.Type, params []string) (map[string][]fhir.Type, error) {
	chosen := map[string][]fhir.Type{}
	if len(params) == 0 {
		for _, name := range tenants.Names() {
			chosen[name] = types
		}
		return chosen, nil
	}
	for _, p := range params {
		typ, code, one := strings.Cut(p, ":")
		if !one {
			typ, code = "", p
		}
		known := false
		for _, name := range tenants.Names() {
			door, _ := tenants.Door(name)
			for _, d := range all {
				for _, t := range d.ResourceTypes() {
					if typ != "" && t != typ || len(types) > 0 && !slices.Contains(types, fhir.Type(t)) {
						continue
					}
					// Those that are stored are among the catalog's.
					if door.Catalog(d.Release).Definitions().SearchParameter(t, code) == nil {
						continue
					}
					known = true
					if !slices.Contains(chosen[name], fhir.Type(t)) {
						chosen[name] = append(chosen[name], fhir.Type(t))
					}
				}
			}
		}
		if !known {
			return nil, usage("--param %s: no type that is to be indexed has this search parameter; write CODE, or TYPE:CODE", p)
		}
	}
	return chosen, nil
}

// reindex indexes one tenant and returns how many resources could not be. It
// is a durable job: when it is stopped or killed, the same command goes on
// where it was.
func reindex(ctx context.Context, m *Main, door *records.Door, all []*definitions.Definitions, types []fhir.Type) (int64, error) {
	name := door.Name()
	if name == "" {
		name = "default tenant"
	}
	start := time.Now()
	shown := start
	var p records.ReindexProgress
	id, waiting := reindexID(all, types, door.Policy().IndexContent), false
	work := func(ctx context.Context, w *jobs.Work) error {
		resumed, err := w.Progress(&p)
		if err != nil {
			return err
		}
		if resumed {
			fmt.Fprintf(m.Stdout, "%s: going on after %d resources\n", name, p.Read)
		}
		saved := time.Now()
		p, err = door.Reindex(ctx, records.ReindexOptions{
			Types: types,
			From:  p,
			Progress: func(p records.ReindexProgress) error {
				if time.Since(shown) > time.Second {
					shown = time.Now()
					fmt.Fprintf(m.Stdout, "%s: %d resources read, %d rows added, %d removed\n", name, p.Read, p.Added, p.Removed)
				}
				if time.Since(saved) > time.Second {
					saved = time.Now()
					return w.Save(ctx, p)
				}
				return ctx.Err()
			},
			Refused: func(key fhir.Key, version int64, err error) {
				fmt.Fprintf(m.Stderr, "%s/_history/%d: %v\n", key, version, err)
			},
		})
		return errors.Join(err, w.SetResult(p))
	}
	err := jobs.Do(ctx, jobs.Config{Store: door.Jobs()}, jobs.Job{ID: id, Kind: id}, work,
		func(time.Time) {
			if !waiting {
				waiting = true
				fmt.Fprintf(m.Stdout, "%s: another reindex is running, or was killed a moment ago; waiting for it\n", name)
			}
		})
	if errors.Is(err, context.Canceled) || errors.Is(err, jobs.ErrShutdown) {
		return 0, fmt.Errorf("%s: stopped after %d resources; run it again to index the rest", name, p.Read)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(m.Stdout, "%s: %d resources read, %d indexed, %d changed meanwhile, %d refused; %d index rows added, %d removed, %d unchanged, in %s\n",
		name, p.Read, p.Written, p.Skipped, p.Refused, p.Added, p.Removed, p.Unchanged, time.Since(start).Round(time.Millisecond))
	return p.Refused, nil
}

// reindexID names the job by what it does: a run with other types, packages or
// text does not go on where this one was.
func reindexID(all []*definitions.Definitions, types []fhir.Type, content bool) string {
	h := sha256.New()
	for _, d := range all {
		fmt.Fprintln(h, d.Release, d.Version, d.Packages())
	}
	fmt.Fprintln(h, types, content)
	return "reindex-" + hex.EncodeToString(h.Sum(nil))[:32]
}
