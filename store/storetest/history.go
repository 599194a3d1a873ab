package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

var historyCases = []testCase{
	{"the history of a resource is newest first, deletes included", instanceHistory},
	{"the history of a type and of all", typeHistory},
	{"history pages have each version once", historyPages},
	{"_since begins at a time, _at gives what was current", historyTimes},
	{"a filtered history follows the resource as it is now", historyFilter},
	{"a filtered history has the versions of what the filter holds of", historyOfPlaces},
	{"a cursor of another history is refused", historyCursor},
	{"the change feed has each version in the order of Seq", changesInOrder},
	{"the change feed misses nothing while many write", changesMissNothing},
	{"LastSeq is where the change feed ends", lastSeq},
	{"a mark is above what was acknowledged, and below what comes after it is settled", marks},
}

// timed is put with a time.
func (b bench) timed(minute int, w store.Write) store.Write {
	w.Updated = at(minute)
	return w
}

func trace(records []store.Record) string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = fmt.Sprintf("%s/%d", r.Key, r.Version)
		if r.Deleted {
			out[i] += "x"
		}
	}
	return strings.Join(out, " ")
}

func (b bench) history(t *testing.T, q store.HistoryQuery) store.HistoryPage {
	t.Helper()
	if q.Count == 0 {
		q.Count = 100
	}
	p, err := b.History(b.ctx, q)
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	return p
}

func (b bench) story(t *testing.T) {
	b.write(t, b.timed(0, b.put("Patient/a", 0, "", token(gender, "", "male"))))
	b.write(t, b.timed(1, b.put("Patient/b", 0, "")))
	b.write(t, b.timed(2, b.put("Observation/a", 0, "")))
	b.write(t, b.timed(3, b.put("Patient/a", 1, "", token(gender, "", "male"))))
	b.write(t, b.timed(4, b.remove("Patient/b", 1)))
	b.write(t, b.timed(5, b.put("Patient/a", 2, "", token(gender, "", "female"))))
}

func instanceHistory(t *testing.T, b bench) {
	b.story(t)
	p := b.history(t, store.HistoryQuery{Type: "Patient", ID: "a"})
	if got := trace(p.Records); got != "Patient/a/3 Patient/a/2 Patient/a/1" || p.Total != 3 || p.Next != "" {
		t.Errorf("%s, total %d", got, p.Total)
	}
	if len(p.Records[0].Body) == 0 {
		t.Error("no body")
	}
	p = b.history(t, store.HistoryQuery{Type: "Patient", ID: "b"})
	if got := trace(p.Records); got != "Patient/b/2x Patient/b/1" {
		t.Error(got)
	}
	if p = b.history(t, store.HistoryQuery{Type: "Patient", ID: "c"}); len(p.Records) != 0 || p.Total != 0 {
		t.Errorf("of nothing: %+v", p)
	}
}

func typeHistory(t *testing.T, b bench) {
	b.story(t)
	p := b.history(t, store.HistoryQuery{Type: "Patient"})
	if got := trace(p.Records); got != "Patient/a/3 Patient/b/2x Patient/a/2 Patient/b/1 Patient/a/1" || p.Total != 5 {
		t.Errorf("%s, total %d", got, p.Total)
	}
	p = b.history(t, store.HistoryQuery{})
	if got := trace(p.Records); got != "Patient/a/3 Patient/b/2x Patient/a/2 Observation/a/1 Patient/b/1 Patient/a/1" || p.Total != 6 {
		t.Errorf("%s, total %d", got, p.Total)
	}
}

func historyPages(t *testing.T, b bench) {
	for i := range 20 {
		b.write(t, b.timed(i, b.put("Patient/a", int64(i), "")), b.timed(i, b.put(fmt.Sprintf("Observation/%d", i), 0, "")))
	}
	for _, q := range []store.HistoryQuery{{Type: "Patient", ID: "a"}, {Type: "Observation"}, {Since: at(10)}, {}} {
		q.Count = 7
		seen, last := int64(0), store.Seq(1<<62)
		total := b.history(t, q).Total // what comes later is above the first page
		if total < 20 {
			t.Errorf("%+v: total %d", q, total)
		}
		for {
			p := b.history(t, q)
			for _, r := range p.Records {
				if r.Seq >= last {
					t.Errorf("%+v: Seq %d after %d", q, r.Seq, last)
				}
				seen, last = seen+1, r.Seq
			}
			if q.After = p.Next; q.After == "" {
				break
			}
			b.write(t, b.timed(30, b.put("Observation/later", store.Any, "")))
		}
		if seen != total {
			t.Errorf("%+v: %d versions of %d", q, seen, total)
		}
	}
}

func historyTimes(t *testing.T, b bench) {
	b.story(t)
	for _, c := range []struct {
		query store.HistoryQuery
		want  string
	}{
		{store.HistoryQuery{Since: at(3)}, "Patient/a/3 Patient/b/2x Patient/a/2"},
		{store.HistoryQuery{Since: at(3).Add(time.Microsecond)}, "Patient/a/3 Patient/b/2x"},
		{store.HistoryQuery{Since: at(6)}, ""},
		{store.HistoryQuery{Type: "Patient", ID: "a", Since: at(3)}, "Patient/a/3 Patient/a/2"},
		{store.HistoryQuery{At: at(3)}, "Patient/a/2 Observation/a/1 Patient/b/1"},
		{store.HistoryQuery{At: at(9)}, "Patient/a/3 Patient/b/2x Observation/a/1"},
		{store.HistoryQuery{Type: "Patient", ID: "a", At: at(4)}, "Patient/a/2"},
		{store.HistoryQuery{At: at(-1)}, ""},
		{store.HistoryQuery{At: at(-9), AtEnd: at(-1)}, ""},
		{store.HistoryQuery{Type: "Patient", ID: "a", At: at(4), AtEnd: at(9)}, "Patient/a/3 Patient/a/2"},
		{store.HistoryQuery{Type: "Patient", ID: "a", At: at(-1), AtEnd: at(4)}, "Patient/a/2 Patient/a/1"},
	} {
		p := b.history(t, c.query)
		if got := trace(p.Records); got != c.want || p.Total != int64(len(p.Records)) {
			t.Errorf("%+v: %s, total %d", c.query, got, p.Total)
		}
	}
}

func historyFilter(t *testing.T, b bench) {
	b.story(t)
	p := b.history(t, store.HistoryQuery{Filter: tokenIs(gender, "", "female")})
	if got := trace(p.Records); got != "Patient/a/3 Patient/a/2 Patient/a/1" {
		t.Error(got)
	}
	p = b.history(t, store.HistoryQuery{Type: "Patient", Filter: search.Not{X: tokenIs(gender, "", "female")}})
	if got := trace(p.Records); got != "" {
		t.Error(got)
	}
}

func historyCursor(t *testing.T, b bench) {
	b.story(t)
	p := b.history(t, store.HistoryQuery{Type: "Patient", Count: 1})
	for _, q := range []store.HistoryQuery{
		{Count: 1, After: p.Next}, {Type: "Patient", ID: "a", Count: 1, After: p.Next},
		{Type: "Patient", Since: at(1), Count: 1, After: p.Next}, {Type: "Patient", Count: 1, After: "?"},
	} {
		if _, err := b.History(b.ctx, q); !errors.Is(err, store.ErrBadCursor) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

// feed waits until the change feed ends with n versions in all.
func (b bench) feed(t *testing.T, n int) []store.Record {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		records, err := b.Changes(b.ctx, 0, n+1, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) >= n || time.Now().After(deadline) {
			return records
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func changesInOrder(t *testing.T, b bench) {
	b.story(t)
	records := b.feed(t, 6)
	if got := trace(records); got != "Patient/a/1 Patient/b/1 Observation/a/1 Patient/a/2 Patient/b/2x Patient/a/3" {
		t.Fatal(got)
	}
	if len(records[0].Body) == 0 || records[4].Body != nil {
		t.Error("bodies")
	}
	rest, err := b.Changes(b.ctx, records[2].Seq, 2, false)
	if err != nil || trace(rest) != "Patient/a/2 Patient/b/2x" || rest[0].Body != nil {
		t.Errorf("%s, %v", trace(rest), err)
	}
	if none, err := b.Changes(b.ctx, records[5].Seq, 5, true); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

func changesMissNothing(t *testing.T, b bench) {
	const writers, each = 6, 25
	done := make(chan struct{})
	var seen []store.Record
	var feed sync.WaitGroup
	feed.Go(func() {
		last, finished := store.Seq(0), false
		for {
			records, err := b.Changes(b.ctx, last, 10, false)
			if err != nil {
				t.Error(err)
				return
			}
			for _, r := range records {
				if r.Seq <= last {
					t.Errorf("Seq %d after %d", r.Seq, last)
				}
				last = r.Seq
			}
			seen = append(seen, records...)
			if len(records) == 0 && finished {
				return
			}
			select {
			case <-done:
				finished = len(seen) >= writers*each*2*2/3
			default:
			}
		}
	})
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
					if _, err := tx.Put(ctx, []store.Write{b.put(fmt.Sprintf("Patient/%d-%d", g, i), 0, "")}); err != nil {
						return err
					}
					if (g+i)%4 == 0 {
						time.Sleep(time.Millisecond)
					}
					if _, err := tx.Put(ctx, []store.Write{b.put(fmt.Sprintf("Observation/%d-%d", g, i), 0, "")}); err != nil {
						return err
					}
					if (g+i)%3 == 0 {
						return errGivenUp
					}
					return nil
				})
				if err != nil && !errors.Is(err, errGivenUp) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	close(done)
	feed.Wait()
	want := 0
	for g := range writers {
		for i := range each {
			if (g+i)%3 != 0 {
				want += 2
			}
		}
	}
	got := map[string]bool{}
	for _, r := range seen {
		got[r.Key.String()] = true
	}
	if len(seen) != want || len(got) != want {
		t.Errorf("the feed had %d changes of %d resources, want %d", len(seen), len(got), want)
	}
}

func lastSeq(t *testing.T, b bench) {
	if n, err := b.LastSeq(b.ctx); n != 0 || err != nil {
		t.Errorf("empty: %d, %v", n, err)
	}
	b.story(t)
	records := b.feed(t, 6)
	if n, err := b.LastSeq(b.ctx); n != records[5].Seq || err != nil {
		t.Errorf("%d, want %d, %v", n, records[5].Seq, err)
	}
	if !slices.IsSortedFunc(records, func(a, b store.Record) int { return int(a.Seq - b.Seq) }) {
		t.Error("not in order")
	}
}

func marks(t *testing.T, b bench) {
	var writers sync.WaitGroup
	for g := range 4 {
		writers.Go(func() {
			put := func(i int) store.Seq {
				records, err := b.try(b.put(fmt.Sprintf("Patient/%d-%d", g, i), 0, ""))
				if err != nil {
					t.Error(err)
					return 0
				}
				return records[0].Seq
			}
			for i := range 25 {
				before := put(2 * i)
				at, err := b.Mark(b.ctx)
				if err == nil {
					err = b.Settle(b.ctx, at)
				}
				if after := put(2*i + 1); err != nil || before > at || after <= at {
					t.Errorf("marked %d between %d and %d, %v", at, before, after, err)
				}
			}
		})
	}
	writers.Wait()
}
