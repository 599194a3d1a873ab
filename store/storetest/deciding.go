package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var decideCases = []testCase{
	{"policies of many kinds each ask something else of a resource", decides},
	{"policies of times that lie as far apart as times can", decidesFar},
	{"kinds of policies come, and names that they ask for", decidesLater},
	{"what is written while a query is made is hidden by what the query asks for", decidesMeanwhile},
	{"of a resource of many owners each decides", decidesMany},
}

// decided are policies of kinds, each of which asks for one of a few things.
func decided(asks ...search.Expr) (*search.Kinds, *search.Decisions) {
	return new(search.Kinds), search.NewDecisions(func(kind int) search.Expr { return asks[kind%len(asks)] })
}

func decides(t *testing.T, b bench) {
	span := func(policy string) store.PolicySpan { return store.PolicySpan{Lo: 10, Until: 20, Policy: policy} }
	const n = 300
	asks := make([]search.Expr, n)
	hidden := map[string]bool{}
	for i := range n {
		p, o := fmt.Sprintf("p%d", i), fmt.Sprintf("Observation/%03d", i)
		entries := []search.Entry{refer(subject, "Patient/"+p), token(status, "s", fmt.Sprint(i%7))}
		if i%16 != 15 {
			entries = append(entries, day(date, i))
		}
		b.write(t, b.put("Patient/"+p, 0, ""), b.put(o, 0, "", entries...))
		b.govern(t, fhir.ID(p), span(p))
		switch i % 8 {
		case 0: // its own day
			asks[i], hidden[o] = search.Date{Param: date, Prefix: search.AP, Range: dayRange(i)}, true
		case 1: // another day
			asks[i] = search.Date{Param: date, Prefix: search.AP, Range: dayRange(i + 1)}
		case 2: // its own code, and not another's
			asks[i], hidden[o] = search.And{tokenIs(status, "s", fmt.Sprint(i%7)), search.Not{X: tokenIs(status, "s", fmt.Sprint(i%7+1))}}, true
		case 3:
			asks[i] = search.Not{X: tokenIs(status, "s", fmt.Sprint(i%7))}
		case 4:
			asks[i], hidden[o] = search.IDs{fmt.Sprintf("%03d", i)}, true
		case 5:
			asks[i] = search.IDs{fmt.Sprintf("%03d", i+1)}
		case 6:
			asks[i], hidden[o] = search.And{}, true
		case 7: // every other one has no date
			asks[i], hidden[o] = search.Or{search.Missing{Param: date, Want: true}, search.Or{}}, i%16 == 15
		}
	}
	kinds, each := decided(asks...)
	policies, err := b.Policies(b.ctx, 0)
	if err != nil || len(policies) != n {
		t.Fatal(len(policies), err)
	}
	for i, p := range policies {
		kinds.Add(p.Number, i)
	}
	far, _ := decided() // where numbers lie far apart, some databases are told otherwise
	for i, p := range policies {
		far.Add(p.Number, i)
	}
	far.Add(policies[n-1].Number+10_000_000, 6)
	want := func(holds func(o string) bool) string {
		var all []string
		for i := range n {
			if o := fmt.Sprintf("Observation/%03d", i); holds(o) {
				all = append(all, o)
			}
		}
		return strings.Join(all, " ")
	}
	is := func(o string) bool { return hidden[o] }
	isNot := func(o string) bool { return !hidden[o] }
	none := func(string) bool { return false }
	for how, kinds := range map[string]*search.Kinds{"close": kinds, "far apart": far} {
		x := search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: kinds, Each: each}
		lacking := x
		lacking.Sole, lacking.Lacking = false, true
		for _, c := range []struct {
			what  string
			x     search.Expr
			at    int64
			holds func(o string) bool
		}{
			{"governed", x, 10, is}, {"governed later", x, 20, none}, {"not governed", search.Not{X: x}, 10, isNot},
			{"lacking", lacking, 10, isNot}, {"not lacking", search.Not{X: lacking}, 19, is},
			{"standing", search.Standing{X: search.Not{X: x}, Made: new(search.Made)}, 10, isNot},
			{"with a code", search.And{tokenIs(status, "s", "3"), x}, 10, func(o string) bool {
				return hidden[o] && slices.Index(strings.Split(want(func(string) bool { return true }), " "), o)%7 == 3
			}},
			{"one", search.And{search.IDs{"004"}, x}, 10, func(o string) bool { return o == "Observation/004" }},
			{"of one patient", search.And{search.Reference{Param: subject, Type: "Patient", ID: "p8"}, x}, 10, func(o string) bool { return o == "Observation/008" }},
			{"of one patient whom another hides", search.And{search.Reference{Param: subject, Type: "Patient", ID: "p9"}, x}, 10, none},
		} {
			q := observations(search.At(c.x, c.at))
			if got := b.search(t, q); got != want(c.holds) {
				t.Errorf("%s, %s: %s\nwant %s", how, c.what, got, want(c.holds))
			}
			if got, err := b.Count(b.ctx, q); err != nil || int(got) != len(strings.Fields(want(c.holds))) {
				t.Errorf("%s, %s: %d counted, %v", how, c.what, got, err)
			}
		}
		for i := range 16 {
			o := fmt.Sprintf("Observation/%03d", i)
			for what, criterion := range map[string]search.Expr{
				"one": search.IDs{fmt.Sprintf("%03d", i)}, "of one patient": search.Reference{Param: subject, Type: "Patient", ID: fmt.Sprintf("p%d", i)},
			} {
				for _, at := range []int64{10, 20} {
					shown := search.Standing{X: search.Not{X: x}, At: at, Made: new(search.Made)}
					want := o
					if at == 10 && hidden[o] {
						want = ""
					}
					if got := b.search(t, observations(search.And{criterion, shown})); got != want {
						t.Errorf("%s, %s, %s at %d: %q, want %q", how, what, o, at, got, want)
					}
				}
			}
		}
		_, explained, err := b.Explain(b.ctx, observations(search.At(x, 10)))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range explained.Statements {
			if len(s.SQL) > 10_000 {
				t.Errorf("%s: %d policies make a statement of %d bytes", how, n, len(s.SQL))
			}
		}
	}
}

func decidesFar(t *testing.T, b bench) {
	ranges := []search.TimeRange{
		{Lo: search.MinTime, Hi: dayRange(0).Lo}, {Lo: search.MinTime, Hi: dayRange(4).Hi}, {Lo: dayRange(2).Lo + 1, Hi: search.MaxTime},
		{Lo: dayRange(4).Lo, Hi: search.MaxTime}, {Lo: -7, Hi: -3}, {Lo: search.MinTime, Hi: search.MaxTime},
	}
	asks := make([]search.Expr, len(ranges))
	kinds, each := decided(asks...)
	for i, r := range ranges {
		asks[i] = search.Date{Param: date, Prefix: search.AP, Range: r}
		p := fmt.Sprintf("p%d", i)
		b.write(t, b.put("Patient/"+p, 0, ""), b.put(fmt.Sprintf("Observation/%d", i), 0, "", refer(subject, "Patient/"+p), day(date, i)))
		b.govern(t, fhir.ID(p), store.PolicySpan{Lo: 0, Until: 10, Policy: p})
	}
	for i := range ranges {
		kinds.Add(b.number(t, fmt.Sprintf("p%d", i)), i)
	}
	x := search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: kinds, Each: each, At: 5}
	if got, want := b.search(t, observations(x)), "Observation/1 Observation/2 Observation/5"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func decidesLater(t *testing.T, b bench) {
	always := store.PolicySpan{Lo: search.MinTime, Until: search.MaxTime}
	for _, p := range []fhir.ID{"a", "b", "c"} {
		b.write(t, b.put("Patient/"+string(p), 0, ""), b.put("Observation/"+string(p), 0, "", refer(subject, "Patient/"+string(p))))
		always.Policy = string(p)
		b.govern(t, p, always)
	}
	kinds, each := decided(tokenIs(status, "later", "hidden"), search.Missing{Param: date, Want: true}, search.And{})
	found := func(after int64) string {
		x := search.Governed{Params: []search.Param{subject}, Kinds: kinds, Each: each, After: after}
		return b.search(t, observations(search.Standing{X: x, At: 5, Made: new(search.Made)}))
	}
	if got := found(0); got != "" {
		t.Errorf("of no kind: %s", got)
	}
	numbers := []int64{b.number(t, "a"), b.number(t, "b"), b.number(t, "c")}
	slices.Sort(numbers)
	kinds.Add(numbers[0], 0)
	if got := found(0); got != "" {
		t.Errorf("by a name that nothing has: %s", got)
	}
	if got := found(numbers[0]); len(strings.Fields(got)) != 2 {
		t.Errorf("after the first: %s", got)
	}
	for _, o := range []string{"a", "b", "c"} {
		b.write(t, b.put("Observation/"+o, 1, "", refer(subject, "Patient/"+o), token(status, "later", "hidden")))
	}
	if got := strings.Fields(found(0)); len(got) != 1 {
		t.Errorf("with the name: %s", got)
	}
	kinds.Add(numbers[1], 1)
	if got := strings.Fields(found(0)); len(got) != 2 {
		t.Errorf("with a second kind: %s", got)
	}
	kinds.Add(numbers[2], 4) // and 3, of no policy
	if got := strings.Fields(found(0)); len(got) != 3 {
		t.Errorf("with a third kind: %s", got)
	}
	kinds.Add(numbers[2]+1_000_000, 2)
	if got := strings.Fields(found(0)); len(got) != 3 {
		t.Errorf("with a kind of nobody: %s", got)
	}
}

// decidesMeanwhile has the first resource with a name come between the moment at which a
// query looks for that and the one at which it asks for resources.
func decidesMeanwhile(t *testing.T, b bench) {
	one, everywhere := search.Param{Code: "new", Type: "Observation", Kind: status.Kind}, search.Param{Code: "new", Type: search.System, Kind: status.Kind}
	for i, c := range []struct {
		what   string
		asks   search.Expr
		before func(ctx context.Context, tx store.Tx) error // in a transaction that fails while the query is made
		codes  search.Entry
	}{
		{"a new system", tokenIs(status, "new", "hidden"), nil, token(status, "new", "hidden")},
		{"a new parameter of a code", tokenIs(everywhere, "known", "hidden"), nil, token(one, "known", "hidden")},
		{"a system whose transaction failed before", tokenIs(status, "again", "hidden"), func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, []store.Write{b.put("Observation/fails", 0, "", token(status, "again", "hidden"))})
			return err
		}, token(status, "again", "hidden")},
	} {
		t.Run(c.what, func(t *testing.T) {
			p, o := fmt.Sprint("p", i), fmt.Sprint("Observation/", i)
			b.write(t, b.put("Patient/"+p, 0, "", token(search.Param{Code: "other", Type: "Patient", Kind: status.Kind}, "known", "x")))
			b.govern(t, fhir.ID(p), store.PolicySpan{Lo: 0, Until: 10, Policy: p})
			fails, failed := make(chan struct{}), make(chan struct{})
			fail := sync.OnceFunc(func() { close(fails) })
			defer fail()
			if c.before == nil {
				close(failed)
			} else {
				put := make(chan struct{})
				go func() {
					defer close(failed)
					_ = b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
						err := c.before(ctx, tx)
						close(put)
						<-fails
						return errors.Join(err, store.ErrVersion)
					})
				}()
				<-put
			}
			each := search.NewDecisions(func(kind int) search.Expr {
				if kind == 0 {
					return c.asks
				}
				fail()
				<-failed
				b.write(t, b.put(o, 0, "", refer(subject, "Patient/"+p), c.codes))
				return search.Or{}
			})
			kinds := new(search.Kinds)
			kinds.Add(b.number(t, p), 0)
			kinds.Add(b.number(t, p)+1, 1)
			hidden := search.Governed{Params: []search.Param{subject}, Sole: true, Kinds: kinds, Each: each}
			if got := b.search(t, observations(search.Standing{X: search.Not{X: hidden}, At: 5, Made: new(search.Made)})); strings.Contains(got, o) {
				t.Errorf("%s are shown", got)
			}
		})
	}
}

func decidesMany(t *testing.T, b bench) {
	const n = 1200
	asks := make([]search.Expr, n)
	entries := []search.Entry{token(status, "s", "c5")}
	var writes []store.Write
	for i := range asks {
		p := fmt.Sprint("p", i)
		writes, entries = append(writes, b.put("Patient/"+p, 0, "")), append(entries, refer(subject, "Patient/"+p))
		all := search.And{tokenIs(status, "s", fmt.Sprint("c", i))}
		for k := range 8 {
			all = append(all, search.Not{X: tokenIs(status, "s", fmt.Sprint("d", i, " ", k))})
		}
		asks[i] = all
	}
	b.write(t, append(writes, b.put("Observation/hidden", 0, "", entries...), b.put("Observation/shown", 0, "", entries[1:]...))...)
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Lock(ctx, "policies"); err != nil {
			return err
		}
		for i := range n {
			if err := tx.Govern(ctx, fhir.ID(fmt.Sprint("p", i)), []store.PolicySpan{{Lo: 0, Until: 10, Policy: fmt.Sprint("p", i)}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	policies, err := b.Policies(b.ctx, 0)
	if err != nil || len(policies) != n {
		t.Fatal(len(policies), err)
	}
	kinds, each := decided(asks...)
	for _, p := range policies {
		var kind int
		if _, err := fmt.Sscanf(p.Text, "p%d", &kind); err != nil {
			t.Fatal(err)
		}
		kinds.Add(p.Number, kind)
	}
	shown := search.Standing{X: search.Not{X: search.Governed{Params: []search.Param{subject}, Kinds: kinds, Each: each}}, At: 5, Made: new(search.Made)}
	for id, want := range map[string]string{"hidden": "", "shown": "Observation/shown"} {
		if got := b.search(t, observations(search.And{search.IDs{id}, shown})); got != want {
			t.Errorf("%s: %q", id, got)
		}
	}
}
