package searchtest

import (
	"slices"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Comparison is a run of random queries over two targets.
type Comparison struct {
	Catalog   *search.Catalog
	Resources []*fhir.Tree // with ids; put into both targets in this order
	Queries   int
	Seed      uint64
	Want, Got Target
}

// Run loads the resources into both targets and asks both the same random
// queries, made from what the resources are indexed by. It fails the test where
// pages, totals or, with _sort, the order differ, where a query is refused, and
// where a resource is not found by what was taken from it.
func (c Comparison) Run(t *testing.T) {
	t.Helper()
	g := newGenerator(c.Catalog, c.Seed)
	for i, tree := range c.Resources {
		entries, err := c.Catalog.Extract(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		updated := time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC)
		for _, target := range []Target{c.Want, c.Got} {
			if err := target.Put(t.Context(), tree, entries, updated); err != nil {
				t.Fatal(err)
			}
		}
		g.add(tree, entries)
	}
	failures := 0
	for range c.Queries {
		url, sure := g.query()
		q, err := ParseURL(c.Catalog, url, search.ParseOptions{MaxCount: 1000})
		if err != nil {
			t.Errorf("%s: refused: %v", url, err)
			continue
		}
		q.Total = search.TotalAccurate
		if !c.same(t, url, q, sure) {
			if failures++; failures == 10 {
				t.Fatal("ten differences are enough")
			}
		}
	}
}

// same compares the answers to one query.
func (c Comparison) same(t *testing.T, url string, q *search.Query, sure fhir.Key) bool {
	t.Helper()
	want, wantTotal, err := Walk(t.Context(), c.Want, q)
	if err != nil {
		t.Errorf("%s: %v", url, err)
		return false
	}
	got, gotTotal, err := Walk(t.Context(), c.Got, q)
	if err != nil {
		t.Errorf("%s: %v", url, err)
		return false
	}
	if sure.ID != "" && !slices.Contains(slices.Concat(want...), sure) {
		t.Errorf("%s does not find %s, from which it was made", url, sure)
		return false
	}
	if len(q.Sort) == 0 {
		want, got = unordered(want), unordered(got)
	}
	if !slices.EqualFunc(want, got, slices.Equal) || wantTotal != gotTotal {
		t.Errorf("%s: got %v of %d, want %v of %d", url, got, gotTotal, want, wantTotal)
		return false
	}
	return true
}

// unordered puts the resources of all pages in one order, page by page.
func unordered(pages [][]fhir.Key) [][]fhir.Key {
	all := slices.Concat(pages...)
	slices.SortFunc(all, fhir.Key.Compare)
	out := make([][]fhir.Key, len(pages))
	for i, p := range pages {
		out[i], all = all[:len(p)], all[len(p):]
	}
	return out
}
