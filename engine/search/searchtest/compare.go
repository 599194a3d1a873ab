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

// updatedAt is when resource number i was stored.
func updatedAt(i int) time.Time { return time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC) }

// eachForm is how many queries are made of each form.
const eachForm = 2

// Run loads the resources, and a few of its own, into both targets and asks both
// the same random queries, made from what the resources are indexed by: some of
// each form, then Queries that combine forms. It fails the test where pages,
// totals or, with _sort, the order differ, where a query is refused, and where a
// resource is not found by what was taken from it.
func (c Comparison) Run(t *testing.T) {
	t.Helper()
	g := newGenerator(c.Catalog, c.Seed)
	for i, tree := range append(peculiar(t, c.Catalog.Definitions()), c.Resources...) {
		entries, err := c.Catalog.Extract(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		updated := updatedAt(i)
		for _, target := range []Target{c.Want, c.Got} {
			if err := target.Put(t.Context(), tree, entries, updated); err != nil {
				t.Fatal(err)
			}
		}
		g.add(tree, entries)
	}
	failures := 0
	ask := func(url string, sure fhir.Key) {
		q, err := ParseURL(c.Catalog, url, g.options())
		if err != nil {
			t.Errorf("%s: refused: %v", url, err)
			return
		}
		q.Total = search.TotalAccurate
		if !c.same(t, url, q, sure) {
			if failures++; failures == 10 {
				t.Fatal("ten differences are enough")
			}
		}
	}
	all := forms(g.advanced())
	for _, f := range all {
		for range eachForm {
			url, sure, ok := g.formed(f)
			if !ok {
				t.Errorf("no query of the form %q can be made of these resources", f)
				break
			}
			ask(url, sure)
		}
	}
	for range c.Queries {
		ask(g.query())
	}
	t.Logf("%d queries: %d of each of %d forms, and %d that combine them", eachForm*len(all)+c.Queries, eachForm, len(all), c.Queries)
}

// Read reads resources with the tables of a catalog's release, and leaves out
// those that have another form there.
func Read(t testing.TB, catalog *search.Catalog, resources []*fhir.Tree) []*fhir.Tree {
	t.Helper()
	var out []*fhir.Tree
	for _, r := range resources {
		if tree, err := fhir.ParseJSON(catalog.Definitions(), r.Root().AppendJSON(nil), fhir.Limits{}); err == nil {
			out = append(out, tree)
		}
	}
	if len(out) < len(resources)/4 {
		t.Fatalf("of %d resources only %d are %s", len(resources), len(out), catalog.Definitions().Release)
	}
	return out
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
