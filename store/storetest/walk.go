package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// walksWhileWriting has writers create, change and delete resources all the
// while that random searches are followed page by page: what nobody touches
// comes exactly once, in its order.
func walksWhileWriting(t *testing.T, b bench) {
	r := rand.New(rand.NewPCG(1, 9)) //nolint:gosec // a failure has to come again
	var still []string
	var writes []store.Write
	for i := range 60 {
		id := fmt.Sprintf("still%02d", i)
		still = append(still, id)
		writes = append(writes, b.put("Observation/"+id, 0, "", varied(r.IntN(20))...))
	}
	b.write(t, writes...)
	ctx, stop := context.WithCancel(b.ctx)
	var writers sync.WaitGroup
	for n := range 3 {
		writers.Go(func() { b.disturb(ctx, t, n) })
	}
	defer writers.Wait()
	defer stop()
	sorts := [][]search.SortKey{
		nil,
		{{Param: date}}, {{Param: date, Desc: true}},
		{{Param: status, Desc: true}}, {{Param: status}, {Param: date, Desc: true}},
		{{Param: search.Param{Type: "Observation", Code: "_id", Kind: definitions.SearchToken}}},
	}
	filters := []search.Expr{
		nil, tokenIs(code, "s", "c"), search.Not{X: tokenIs(status, "st", "none")},
		search.And{tokenIs(code, "s", "c"), search.Date{Param: date, Prefix: search.GE, Range: dayRange(-1000)}},
		search.Or{tokenIs(status, "st", "final"), tokenIs(status, "st", "draft")},
	}
	for range 30 {
		q := search.Query{Types: []string{"Observation"}, Sort: sorts[r.IntN(len(sorts))], Filter: filters[r.IntN(len(filters))], Count: 1 + r.IntN(12)}
		var got []string
		for {
			page, err := b.Search(b.ctx, &q)
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range page.Records {
				if id := string(record.Key.ID); strings.HasPrefix(id, "still") {
					got = append(got, id)
				}
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		want := b.undisturbed(t, q, still)
		if !slices.Equal(got, want) {
			t.Errorf("%+v\n got %v\nwant %v", q, got, want)
		}
	}
}

// varied are the entries of a resource with the code c, a status by k and,
// unless k is 0, a date.
func varied(k int) []search.Entry {
	entries := []search.Entry{token(code, "s", "c"), token(status, "st", []string{"final", "draft"}[k%2])}
	if k > 0 {
		entries = append(entries, day(date, k))
	}
	return entries
}

// undisturbed is the order of what nobody touches, asked for in one page.
func (b bench) undisturbed(t *testing.T, q search.Query, still []string) []string {
	q.After, q.Count = "", 10_000
	page, err := b.Search(b.ctx, &q)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, record := range page.Records {
		if id := string(record.Key.ID); strings.HasPrefix(id, "still") {
			ids = append(ids, id)
		}
	}
	if sorted := slices.Sorted(slices.Values(ids)); len(ids) == 0 || q.Filter == nil && !slices.Equal(sorted, still) {
		t.Fatalf("%+v in one page finds %v", q, sorted)
	}
	return ids
}

// disturb writes until ctx is done: resources of its own that come, change
// their place in every order, and go.
func (b bench) disturb(ctx context.Context, t *testing.T, writer int) {
	r := rand.New(rand.NewPCG(uint64(writer), 3)) //nolint:gosec // as above
	for n := 0; ctx.Err() == nil; n++ {
		reference := fmt.Sprintf("Observation/w%d-%d", writer, r.IntN(25))
		w := b.put(reference, store.Any, "", varied(r.IntN(20))...)
		if r.IntN(3) == 0 {
			w = store.Write{Key: w.Key, Expect: store.Any, Updated: w.Updated, Method: "DELETE", Release: w.Release}
		}
		err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, []store.Write{w})
			return err
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// fewLooks follows walks whose pages look at few resources, most of which are
// not wanted or deleted.
func fewLooks(t *testing.T, b bench) {
	for i := range 12 {
		b.write(t, b.put(fmt.Sprintf("Patient/p%02d", i), 0, "", token(gender, "", "male")))
		b.write(t, b.put(fmt.Sprintf("Observation/o%02d", i), 0, ""))
		b.write(t, b.put(fmt.Sprintf("Basic/b%02d", i), 0, ""))
		if i%3 == 0 {
			b.write(t, b.remove(fmt.Sprintf("Observation/o%02d", i), 1))
		}
	}
	for _, types := range [][]string{nil, {"Patient"}, {"Observation"}, {"Patient", "Observation"}} {
		q := query(types, search.Not{X: search.Or{search.TypeIs{"Patient"}, search.TypeIs{"Basic"}, search.IDs{"o05", "o07", "o08", "o10", "o11"}}})
		want := b.search(t, q)
		for looks := 1; looks <= 40; looks++ {
			q.Looks, q.After = looks, ""
			q.Count = 1 + looks%7
			var got []string
			empty := false
			for {
				page, err := b.Search(b.ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Records) > min(q.Looks, q.Count) {
					t.Errorf("%d resources on a page of %d that looks at %d", len(page.Records), q.Count, q.Looks)
				}
				for _, r := range page.Records {
					got = append(got, r.Key.String())
				}
				if q.After = page.Next; q.After == "" {
					break
				}
				empty = empty || len(page.Records) == 0
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%v, looking at %d: %v, want %s", types, looks, got, want)
			}
			if looks == 1 && !empty {
				t.Errorf("%v: no page is empty", types)
			}
		}
	}
}
