package records

import (
	"context"
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// searchParameter is the type of resources that define search parameters.
const searchParameter = "SearchParameter"

// Limits of the search parameters that are stored and active: how many there
// are, and the bytes of one.
const (
	maxStored     = 200
	maxDefinition = 64 << 10
)

// lockParameters is the lock of those who store search parameters.
const lockParameters = "search parameters"

// storedParameter is a SearchParameter resource that is active.
type storedParameter struct {
	ID         fhir.ID                     `json:"id"`
	Version    int64                       `json:"version"`
	Release    definitions.Release         `json:"release"`
	Definition definitions.SearchParameter `json:"definition,omitzero"`
	Problem    string                      `json:"problem,omitempty"` // why nobody can search by it
}

func (p storedParameter) same(o storedParameter) bool {
	return p.ID == o.ID && p.Version == o.Version && p.Release == o.Release && p.Problem == o.Problem
}

// synced tells one state of the stored SearchParameters from another: the last
// version of one, and how many versions there are of all.
type synced struct {
	Last     store.Seq `json:"last"`
	Versions int64     `json:"versions"`
}

// sync brings the state in line with the SearchParameters that are stored.
func (x *indexes) sync(ctx context.Context) error {
	if err := x.refresh(ctx); err != nil {
		return err
	}
	at, err := x.syncedNow(ctx)
	if err != nil || at == x.snapshot().Synced {
		return err
	}
	return x.update(ctx, func(s *indexState) error {
		if err := x.collect(ctx, s); err != nil {
			return err
		}
		x.alignAll(s)
		return nil
	})
}

// snapshot is the state as it was read last.
func (x *indexes) snapshot() indexState {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state
}

func (x *indexes) syncedNow(ctx context.Context) (synced, error) {
	page, err := x.store.History(ctx, store.HistoryQuery{Type: searchParameter, Count: 1})
	at := synced{Versions: page.Total}
	if err == nil && len(page.Records) > 0 {
		at.Last = page.Records[0].Seq
	}
	return at, err
}

// collect makes s.Stored what is stored. It leaves it while the status of
// SearchParameters is not indexed.
func (x *indexes) collect(ctx context.Context, s *indexState) error {
	at, err := x.syncedNow(ctx)
	if err != nil {
		return err
	}
	for release := range x.base.releases {
		if t := s.Types[indexKey{release, searchParameter}]; t != nil && t.Build["status"] != "" {
			return nil
		}
	}
	records, err := x.active(ctx, x.store, false)
	if err != nil {
		return err
	}
	s.Stored, s.Synced = x.define(records), at
	return nil
}

// active reads the SearchParameters that are active, the oldest first, up to
// one more than there may be; with heads, without their bodies.
func (x *indexes) active(ctx context.Context, r store.Reader, heads bool) ([]store.Record, error) {
	q, err := x.base.releases[x.primary].catalog.Parse(searchParameter, []search.Pair{{Name: "status", Value: "active"}},
		search.ParseOptions{DefaultCount: maxStored + 1, MaxCount: maxStored + 1})
	if err != nil {
		return nil, err
	}
	q.Heads = heads
	page, err := r.Search(ctx, q)
	return page.Records, err
}

// define reads records as search parameters. What cannot be one has a Problem.
func (x *indexes) define(records []store.Record) []storedParameter {
	var stored []storedParameter
	for i, r := range records {
		p := storedParameter{ID: r.Key.ID, Version: r.Version, Release: r.Release}
		rel := x.base.with(stored).releases[r.Release]
		switch {
		case i >= maxStored:
			p.Problem = fmt.Sprintf("there are %d search parameters before it, which are all that can be stored", maxStored)
		case rel == nil:
			p.Problem = fmt.Sprintf("it is of release %s, which is not loaded", r.Release)
		default:
			tree, err := fhir.ParseJSON(rel.defs, r.Body, storedLimits)
			if err == nil {
				p.Definition, err = rel.catalog.Define(tree.Root())
			}
			if err != nil {
				p.Problem = err.Error()
			}
		}
		stored = append(stored, p)
	}
	return stored
}

// admit refuses a draft of a search parameter by which nobody could search.
func (x *indexes) admit(ctx context.Context, w *draft) error {
	w.defines = w.key.Type == searchParameter && w.tree.Root().Child("status").Text() == "active"
	if !w.defines {
		return nil
	}
	// Of others it is known what they are by their status.
	if err := x.trust(ctx, func() []search.Param { return []search.Param{{Type: searchParameter, Code: "status"}} }); err != nil {
		return err
	}
	if err := x.sync(ctx); err != nil {
		return err
	}
	w.beside = x.snapshot().Stored
	others := slices.DeleteFunc(slices.Clone(w.beside), func(p storedParameter) bool { return p.ID == w.key.ID })
	if len(others) >= maxStored {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, searchParameter+".status",
			"%d search parameters are stored and active, and no more are taken: retire one", len(others))
	}
	if n := len(w.tree.Root().AppendJSON(nil)); n > maxDefinition {
		return fault.New(fault.Unprocessable, fault.CodeTooLong, searchParameter, "a search parameter in force has up to %d bytes here, not %d: shorten its texts", maxDefinition, n)
	}
	var err error
	w.definition, err = x.base.with(others).releases[w.rel.defs.Release].catalog.Define(w.tree.Root())
	return err
}

// unchanged is a check in the transaction that stores drafts of search
// parameters: those that are stored are still those that admit looked at.
func (x *indexes) unchanged(ctx context.Context, r store.Reader, drafts []*draft) error {
	records, err := x.active(ctx, r, true)
	if err != nil {
		return err
	}
	for _, w := range drafts {
		same := slices.EqualFunc(records, w.beside, func(r store.Record, p storedParameter) bool {
			return r.Key.ID == p.ID && r.Version == p.Version
		})
		if !same {
			return errRedefined
		}
	}
	return nil
}

// rivals says whether two search parameters cannot both be stored.
func rivals(a, b *definitions.SearchParameter) bool {
	everywhere := func(base string) bool { return base == "Resource" || base == "DomainResource" }
	shared := slices.ContainsFunc(a.Base, func(base string) bool { return everywhere(base) || slices.Contains(b.Base, base) }) ||
		slices.ContainsFunc(b.Base, everywhere)
	return a.URL == b.URL || a.Code == b.Code && shared
}

// touched is called after search parameters may have been written. They are
// there, whatever comes of it: Work tries again.
func (x *indexes) touched(ctx context.Context) {
	if err := x.sync(context.WithoutCancel(ctx)); err != nil {
		x.log.WarnContext(ctx, "what was written of search parameters is not in force yet", "error", err)
	}
}

// A StoredParameter is a SearchParameter resource that is active.
type StoredParameter struct {
	Key     fhir.Key
	Problem string // why nobody can search by it; "" when everybody can
}

// StoredParameters lists the SearchParameter resources that are active, the
// oldest first.
func (d *Door) StoredParameters(ctx context.Context) ([]StoredParameter, error) {
	if err := d.indexes.refresh(ctx); err != nil {
		return nil, d.fault(err)
	}
	stored := d.indexes.snapshot().Stored
	list := make([]StoredParameter, len(stored))
	for i, p := range stored {
		list[i] = StoredParameter{fhir.Key{Type: searchParameter, ID: p.ID}, p.Problem}
	}
	return list, nil
}
