package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// fewTimes is how many different times of their last update resources have.
const fewTimes = 9

// fillPlaces has so many observations that they are not worth sorting, and among
// them patients and organizations.
func fillPlaces(t *testing.T, b bench) many {
	m := many{bench: b, memory: search.NewMemory()}
	add := func(k string, minute int, entries ...search.Entry) {
		w := b.timed(minute, b.put(k, 0, "", entries...))
		m.writes = append(m.writes, w)
		m.memory.Put(search.Document{Key: key(k), Updated: w.Updated, Entries: entries})
	}
	for i := range manyObservations {
		entries := []search.Entry{
			token(code, "s", "c"), token(status, "st", []string{"final", "draft", "amended"}[i%3]),
			refer(subject, fmt.Sprintf("Patient/p%03d", i/20/2)), day(date, i%400),
		}
		if i%7 == 0 {
			entries = append(entries, refer(subject, "Patient/p001"), token(code, "other", "c"))
		}
		add(fmt.Sprintf("Observation/o%04d", i), i*5%fewTimes, entries...)
		if i%20 == 0 {
			add(fmt.Sprintf("Patient/p%03d", i/20), i%fewTimes, token(gender, "", []string{"male", "female"}[i/20%2]), text(family, "Ng"))
		}
		if i%100 == 0 {
			add(fmt.Sprintf("Organization/r%02d", i/100), i%fewTimes)
		}
	}
	b.write(t, m.writes...)
	return m
}

var (
	oneOf   = search.TypeIs{"Observation"}
	persons = search.TypeIs{"Patient"}
	of1     = search.Reference{Param: subject, Type: "Patient", ID: "p001"}
	updated = search.Param{Type: search.System, Code: "_lastUpdated", Kind: definitions.SearchDate}
)

// inPlaces are searches of several types that begin at several places; merged says
// that not all that is there is sorted.
var inPlaces = []struct {
	name   string
	types  []string
	filter search.Expr
	merged bool
}{
	{"two types", []string{"Patient", "Organization"}, nil, true},
	{"two types of which one is not there", []string{"Patient", "Group"}, nil, true},
	{"two types and what they lack", []string{"Patient", "Observation"}, search.Not{X: tokenIs(gender, "", "male")}, true},
	{"all of one, one patient's of another", nil, search.Or{oneOf, search.And{persons, search.IDs{"p001"}}, search.And{search.TypeIs{"Group"}, of1}}, true},
	{"one patient's and all of another, which is small", nil, search.Or{search.And{oneOf, of1}, persons}, false},
	{"what has a code and all of another", nil, search.Or{search.And{oneOf, tokenIs(code, "s", "c")}, persons}, true},
	{"by alternatives that hold of one", nil, search.Or{search.And{oneOf, search.Or{tokenIs(status, "st", "final"), of1, search.Token{Param: code, AnySystem: true, Code: "c"}}}, persons}, true},
	{"what lacks something", nil, search.Or{search.And{oneOf, search.Not{X: tokenIs(status, "st", "none")}}, search.And{persons, tokenIs(gender, "", "male")}}, true},
	{"what is asked of all places", nil, search.And{search.Or{oneOf, persons}, search.Not{X: tokenIs(status, "st", "draft")}}, true},
	{"places among some types", []string{"Patient", "Observation"}, search.Or{search.TypeIs{"Organization", "Observation"}, search.And{persons, text1}}, true},
	{"what is referred to", nil, search.Or{oneOf, search.And{persons, search.Referred{X: search.And{oneOf, tokenIs(status, "st", "final")}}}}, true},
	{"two such", nil, search.And{search.Or{oneOf, persons}, search.Or{search.TypeIs{"Organization"}, search.And{oneOf, tokenIs(code, "s", "c")}}}, true},
}

var text1 = search.String{Param: family, Value: "ng"}

// mergedPlaces compares whole walks, with their order, with what memory finds.
func mergedPlaces(t *testing.T, b bench) {
	m := fillPlaces(t, b)
	for i, c := range inPlaces {
		for _, sort := range [][]search.SortKey{nil, {{Param: updated}}, {{Param: updated, Desc: true}}} {
			q := search.Query{Types: c.types, Filter: c.filter, Sort: sort, Count: []int{97, 500}[i%2]}
			_, x, err := b.Explain(b.ctx, &q)
			if merged := strings.HasPrefix(x.Way, "from several places"); err != nil || merged != c.merged {
				t.Errorf("%s, sorted by %v: %v, by the way %q", c.name, sort, err, x.Way)
			}
			whole := q
			whole.Count, whole.Total = 10_000, search.TotalAccurate
			found, err := m.memory.Search(b.ctx, &whole)
			if err != nil {
				t.Fatal(err)
			}
			if total, err := b.Count(b.ctx, &whole); err != nil || total != int64(len(found.Keys)) {
				t.Errorf("%s: counted %d of %d: %v", c.name, total, len(found.Keys), err)
			}
			var got []fhir.Key
			for {
				page, err := b.Search(b.ctx, &q)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page.Records {
					got = append(got, r.Key)
				}
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			if len(got) < 20 || !slices.Equal(got, found.Keys) {
				t.Errorf("%s, sorted by %v: found %d, not %d, or in another order", c.name, sort, len(got), len(found.Keys))
			}
		}
	}
}

// historyOfPlaces compares a filtered history with the versions of what a search
// with the same filter finds.
func historyOfPlaces(t *testing.T, b bench) {
	m := fillPlaces(t, b)
	for i := range 300 { // of some a second version, and a third
		k := fmt.Sprintf("Observation/o%04d", i%200)
		b.write(t, b.timed(i, b.put(k, store.Any, "", m.writes[0].Body.Index...)))
	}
	b.write(t, b.remove("Patient/p002", store.Any))
	for _, c := range inPlaces {
		if c.types != nil || c.filter == nil {
			continue
		}
		seen := map[fhir.Key]bool{}
		page, err := b.Search(b.ctx, &search.Query{Filter: c.filter, Count: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			seen[r.Key] = true
		}
		for _, typ := range []fhir.Type{"", "Observation"} {
			for _, former := range []bool{false, true} {
				var want []store.Seq
				for _, r := range b.history(t, store.HistoryQuery{Type: typ, Former: former, Count: 10_000}).Records {
					if seen[r.Key] {
						want = append(want, r.Seq)
					}
				}
				var got []store.Seq
				q := store.HistoryQuery{Type: typ, Filter: c.filter, Former: former, Count: 1300}
				for {
					page := b.history(t, q)
					if page.Total != int64(len(want)) || former && page.Former != page.Total || !former && (page.Former == 0 || page.Former == page.Total) {
						t.Errorf("%s: total %d of %d, %d of them former", c.name, page.Total, len(want), page.Former)
					}
					for _, r := range page.Records {
						got = append(got, r.Seq)
					}
					if q.After = page.Next; q.After == "" {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s of %q, former %v: %d versions, not %d, or in another order", c.name, typ, former, len(got), len(want))
				}
			}
		}
	}
}
