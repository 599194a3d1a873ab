package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// ownCursors compares what comes behind each record of a page with the rest of it.
func ownCursors(t *testing.T, b bench) {
	for i := range 6 {
		b.write(t, b.put(fmt.Sprintf("Observation/o%d", i), 0, "", token(code, "s", "c"), day(date, i/2)))
	}
	for _, sort := range [][]search.SortKey{nil, {{Param: date, Desc: true}}} {
		q := search.Query{Types: []string{"Observation"}, Filter: tokenIs(code, "s", "c"), Sort: sort, Count: 4}
		if page, err := b.Search(b.ctx, &q); err != nil || page.Cursors != nil {
			t.Errorf("cursors that nobody asked for: %v, %v", page.Cursors, err)
		}
		whole := b.all(t, q, nil)
		q.Cursors = true
		page, err := b.Search(b.ctx, &q)
		if err != nil || len(page.Cursors) != 4 || page.Cursors[3] != page.Next {
			t.Fatalf("%d cursors: %v", len(page.Cursors), err)
		}
		for i, cursor := range page.Cursors {
			if q.After = cursor; !slices.Equal(b.all(t, q, nil), whole[i+1:]) {
				t.Errorf("behind record %d: %v, not %v", i, b.all(t, q, nil), whole[i+1:])
			}
		}
	}
}

// all follows the cursors to the end.
func (b bench) all(t *testing.T, q search.Query, between func(page int)) []string {
	t.Helper()
	var out []string
	for page := 0; ; page++ {
		p, err := b.Search(b.ctx, &q)
		if err != nil {
			t.Fatalf("page %d: %v", page, err)
		}
		if len(p.Records) > q.Count {
			t.Fatalf("page %d has %d records of %d", page, len(p.Records), q.Count)
		}
		for _, r := range p.Records {
			out = append(out, string(r.Key.ID))
		}
		if p.Next == "" {
			return out
		}
		if len(p.Records) < q.Count {
			t.Fatalf("page %d is short but not the last", page)
		}
		q.After = p.Next
		if between != nil {
			between(page)
		}
	}
}

// fill writes n observations o000, o001, ... with dates in another order and
// every fifth without one.
func fill(t *testing.T, b bench, n int) []string {
	var writes []store.Write
	var ids []string
	for i := range n {
		id := fmt.Sprintf("o%03d", i)
		index := []search.Entry{token(code, "s", "c"), token(status, "st", []string{"final", "draft"}[i%2])}
		if i%5 != 0 {
			index = append(index, day(date, i*7%n), day(date, i*7%n+n))
		}
		writes, ids = append(writes, b.put("Observation/"+id, 0, "", index...)), append(ids, id)
	}
	b.write(t, writes...)
	return ids
}

func pagesOnce(t *testing.T, b bench) {
	ids := fill(t, b, 57)
	for _, filter := range []search.Expr{
		nil,
		tokenIs(code, "s", "c"),
		search.Token{Param: code, AnySystem: true, Code: "c"},
		search.Token{Param: code, System: "s", AnyCode: true},
		search.Or{tokenIs(status, "st", "final"), tokenIs(status, "st", "draft")},
		search.Not{X: tokenIs(status, "st", "other")},
		search.And{tokenIs(code, "s", "c"), search.Not{X: tokenIs(status, "st", "other")}},
	} {
		for _, size := range []int{1, 7, 19, 57, 100} {
			q := search.Query{Types: []string{"Observation"}, Filter: filter, Count: size}
			if got := b.all(t, q, nil); !slices.Equal(got, ids) {
				t.Errorf("%+v by %d: %v", filter, size, got)
			}
		}
	}
}

func pagesWhileWriting(t *testing.T, b bench) {
	ids := fill(t, b, 40)
	for _, sort := range [][]search.SortKey{nil, {{Param: date}}} {
		n := 0
		got := b.all(t, search.Query{Types: []string{"Observation"}, Filter: tokenIs(code, "s", "c"), Count: 3, Sort: sort}, func(int) {
			n++
			b.write(t, b.put(fmt.Sprintf("Observation/new%d-%d", len(sort), n), 0, "", token(code, "s", "c"), day(date, -n)))
			b.write(t, b.put("Observation/o039", store.Any, "", token(code, "s", "c"), day(date, 39*7%40), day(date, 39*7%40+40)))
		})
		seen := map[string]int{}
		for _, id := range got {
			seen[id]++
			if seen[id] > 1 {
				t.Errorf("%s came %d times", id, seen[id])
			}
		}
		for _, id := range ids {
			if seen[id] != 1 {
				t.Errorf("%s came %d times", id, seen[id])
			}
		}
	}
}

func sortedPages(t *testing.T, b bench) {
	const n = 45
	fill(t, b, n)
	var dated, undated []string
	at := map[string]int{}
	for i := range n {
		id := fmt.Sprintf("o%03d", i)
		if i%5 == 0 {
			undated = append(undated, id)
			continue
		}
		dated, at[id] = append(dated, id), i*7%n
	}
	for _, desc := range []bool{false, true} {
		want := slices.Clone(dated)
		slices.SortStableFunc(want, func(a, b string) int {
			if desc {
				return at[b] - at[a]
			}
			return at[a] - at[b]
		})
		want = append(want, undated...)
		for _, keys := range [][]search.SortKey{
			{{Param: date, Desc: desc}},
			{{Param: date, Desc: desc}, {Param: search.Param{Type: "Observation", Code: "_lastUpdated", Kind: definitions.SearchDate}}},
		} {
			for _, filter := range []search.Expr{nil, tokenIs(code, "s", "c"), search.Not{X: tokenIs(code, "s", "d")}} {
				for _, size := range []int{4, 100} {
					q := search.Query{Types: []string{"Observation"}, Filter: filter, Sort: keys, Count: size}
					if got := b.all(t, q, nil); !slices.Equal(got, want) {
						t.Errorf("%+v %+v by %d:\n got %v\nwant %v", keys, filter, size, got, want)
					}
				}
			}
		}
	}
}

func badCursor(t *testing.T, b bench) {
	fill(t, b, 10)
	q := search.Query{Types: []string{"Observation"}, Filter: tokenIs(code, "s", "c"), Count: 2}
	page, err := b.Search(b.ctx, &q)
	if err != nil || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	for name, other := range map[string]search.Query{
		"filter":  {Types: q.Types, Filter: tokenIs(code, "s", "d"), Count: 2, After: page.Next},
		"types":   {Types: []string{"Patient"}, Filter: q.Filter, Count: 2, After: page.Next},
		"sort":    {Types: q.Types, Filter: q.Filter, Count: 2, After: page.Next, Sort: []search.SortKey{{Param: date}}},
		"garbage": {Types: q.Types, Filter: q.Filter, Count: 2, After: "x!"},
		"cut":     {Types: q.Types, Filter: q.Filter, Count: 2, After: page.Next[:len(page.Next)-2]},
		"longer":  {Types: q.Types, Filter: q.Filter, Count: 2, After: page.Next + "AAAA"},
	} {
		if _, err := b.Search(b.ctx, &other); !errors.Is(err, store.ErrBadCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
	q.After, q.Count = page.Next, 5
	if p, err := b.Search(b.ctx, &q); err != nil || len(p.Records) != 5 {
		t.Errorf("another page size is the same query: %v", err)
	}
}
