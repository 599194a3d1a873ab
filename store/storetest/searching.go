package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

var searchCases = []testCase{
	{"a search finds what was indexed, and no longer what was replaced", indexReplaced},
	{"a deleted resource is not found by any search", deletedNotFound},
	{"results come in the order of first creation", creationOrder},
	{"every page together has each match exactly once", pagesOnce},
	{"pages have each match once while others write", pagesWhileWriting},
	{"walks through random searches have what is unchanged once while others write", walksWhileWriting},
	{"sorted pages have each match once, those without a value last", sortedPages},
	{"a large range of dates that resources have once is walked from where it begins", boundedWalk},
	{"what lies in several places comes in one order", mergedPlaces},
	{"what too many have to sort them comes once, whatever the order", ownOrder},
	{"a search in an order of its own has what is unchanged once while others write", ownOrderWhileWriting},
	{"a resource comes once however many of its rows satisfy a criterion", repeatedRows},
	{"a cursor of a search in an order of its own is refused elsewhere", ownOrderCursor},
	{"a walk that looks at few resources a page comes to the same end", fewLooks},
	{"each record of a page has its own cursor when asked for", ownCursors},
	{"a cursor of another query is refused", badCursor},
	{"Total counts when asked", totals},
	{"a count of zero gives only the total", countZero},
	{"heads are found without their bodies", heads},
	{"several types are searched together", severalTypes},
	{"an empty And holds always, an empty Or never", emptyAndOr},
	{"referrers are those that refer to it now", referrers},
	{"chains and their reverse look at current resources", chains},
	{"what others refer to is found by any of their references", referred},
	{"the distinct values of a parameter are listed", distinctValues},
	{"reindexing replaces the entries of unchanged versions", reindex},
	{"Each gives current resources from a position on", eachResource},
	{"Stats counts current resources by type", stats},
}

func query(types []string, filter search.Expr) *search.Query {
	return &search.Query{Types: types, Filter: filter, Count: 1000}
}

func patients(filter search.Expr) *search.Query     { return query([]string{"Patient"}, filter) }
func observations(filter search.Expr) *search.Query { return query([]string{"Observation"}, filter) }

func tokenIs(p search.Param, system, code string) search.Expr {
	return search.Token{Param: p, System: system, Code: code}
}

// names lists the records' keys, sorted.
func names(records []store.Record) string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = r.Key.String()
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// search lists the keys of one page in order.
func (b bench) search(t *testing.T, q *search.Query) string {
	t.Helper()
	page, err := b.Search(b.ctx, q)
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	out := make([]string, len(page.Records))
	for i, r := range page.Records {
		out[i] = r.Key.String()
		if string(r.Body) == "" || r.Deleted {
			t.Errorf("%s has no body or is deleted", r.Key)
		}
	}
	return strings.Join(out, " ")
}

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

func indexReplaced(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", text(family, "Ng"), token(gender, "", "male")))
	b.write(t, b.put("Patient/a", 1, "", text(family, "Ng"), token(gender, "", "female")))
	for _, c := range []struct {
		filter search.Expr
		want   string
	}{
		{tokenIs(gender, "", "male"), ""},
		{tokenIs(gender, "", "female"), "Patient/a"},
		{search.String{Param: family, Value: "n"}, "Patient/a"},
	} {
		if got := b.search(t, patients(c.filter)); got != c.want {
			t.Errorf("%+v: %q", c.filter, got)
		}
	}
}

func deletedNotFound(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(gender, "", "male")), b.put("Patient/b", 0, ""))
	b.write(t, b.remove("Patient/a", 1), b.remove("Patient/b", 1))
	for _, filter := range []search.Expr{
		nil, tokenIs(gender, "", "male"), search.Not{X: tokenIs(gender, "", "male")}, search.IDs{"a"},
		search.Missing{Param: gender, Want: true}, search.Missing{Param: gender},
		search.LastUpdated{Prefix: search.GE, Range: search.TimeRange{Lo: 0, Hi: 1}},
	} {
		if got := b.search(t, patients(filter)); got != "" {
			t.Errorf("%+v found %s", filter, got)
		}
		if n, err := b.Count(b.ctx, patients(filter)); n != 0 || err != nil {
			t.Errorf("%+v counted %d, %v", filter, n, err)
		}
	}
}

func creationOrder(t *testing.T, b bench) {
	for _, id := range []string{"c", "a", "b"} {
		b.write(t, b.put("Patient/"+id, 0, "", token(gender, "", "male")))
	}
	b.write(t, b.put("Patient/c", 1, "", token(gender, "", "male")))
	for _, filter := range []search.Expr{nil, tokenIs(gender, "", "male"), search.Or{search.IDs{"a", "c"}, search.IDs{"b"}}} {
		if got := b.search(t, patients(filter)); got != "Patient/c Patient/a Patient/b" {
			t.Errorf("%+v: %s", filter, got)
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

func totals(t *testing.T, b bench) {
	fill(t, b, 30)
	for mode, want := range map[search.TotalMode]int64{search.TotalNone: -1, search.TotalEstimate: 15, search.TotalAccurate: 15} {
		q := observations(tokenIs(status, "st", "final"))
		q.Total, q.Count = mode, 4
		if p, err := b.Search(b.ctx, q); err != nil || p.Total != want || len(p.Records) != 4 {
			t.Errorf("mode %d: %d with %d records, %v", mode, p.Total, len(p.Records), err)
		}
	}
}

func countZero(t *testing.T, b bench) {
	fill(t, b, 12)
	q := observations(nil)
	q.Count = 0
	if p, err := b.Search(b.ctx, q); err != nil || p.Total != 12 || len(p.Records) != 0 || p.Next != "" {
		t.Errorf("%+v, %v", p, err)
	}
}

func severalTypes(t *testing.T, b bench) {
	b.write(t, b.put("Patient/1", 0, ""), b.put("Observation/1", 0, ""), b.put("Encounter/1", 0, ""), b.put("Patient/2", 0, ""))
	for _, c := range []struct {
		types []string
		want  string
	}{
		{nil, "Patient/1 Observation/1 Encounter/1 Patient/2"},
		{[]string{"Patient", "Encounter"}, "Patient/1 Encounter/1 Patient/2"},
		{[]string{"Practitioner"}, ""},
	} {
		if got := b.search(t, query(c.types, nil)); got != c.want {
			t.Errorf("%v: %s", c.types, got)
		}
	}
	if got := b.search(t, query(nil, search.And{search.IDs{"1"}, search.TypeIs{"Patient", "Observation"}})); got != "Patient/1 Observation/1" {
		t.Errorf("TypeIs: %s", got)
	}
}

func emptyAndOr(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""))
	if got := b.search(t, patients(search.And{})); got != "Patient/a" {
		t.Errorf("And{}: %q", got)
	}
	if got := b.search(t, patients(search.Or{})); got != "" {
		t.Errorf("Or{}: %q", got)
	}
}

func referrers(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""), b.put("Observation/1", 0, "", refer(subject, "Patient/a")),
		b.put("Observation/2", 0, "", refer(subject, "Patient/a")), b.put("Observation/3", 0, "", refer(subject, "Patient/b")),
		b.put("Encounter/4", 0, "", refer(location, "Location/a")))
	b.write(t, b.put("Observation/2", 1, "", refer(subject, "Patient/b")))
	got, err := b.Referrers(b.ctx, key("Patient/a"), 10)
	if err != nil || len(got) != 1 || got[0] != key("Observation/1") {
		t.Errorf("%v, %v", got, err)
	}
	if got, err = b.Referrers(b.ctx, key("Patient/b"), 1); err != nil || len(got) != 1 {
		t.Errorf("limited: %v, %v", got, err)
	}
	self := search.Param{Type: "Patient", Code: "link", Kind: definitions.SearchReference}
	b.write(t, b.put("Patient/c", 0, "", refer(self, "Patient/c")))
	if got, err = b.Referrers(b.ctx, key("Patient/c"), 10); err != nil || len(got) != 0 {
		t.Errorf("itself: %v, %v", got, err)
	}
}

func chains(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", text(family, "Ng")), b.put("Patient/b", 0, "", text(family, "Oduya")),
		b.put("Observation/1", 0, "", refer(subject, "Patient/a"), token(code, "s", "x")),
		b.put("Observation/2", 0, "", refer(subject, "Patient/b"), token(code, "s", "y")))
	ng := search.Chain{Param: subject, Target: "Patient", X: search.String{Param: family, Value: "ng"}}
	x := search.Has{Source: "Observation", Param: subject, X: tokenIs(code, "s", "x")}
	if got := b.search(t, observations(ng)); got != "Observation/1" {
		t.Errorf("chain: %s", got)
	}
	if got := b.search(t, observations(search.Not{X: ng})); got != "Observation/2" {
		t.Errorf("not chain: %s", got)
	}
	if got := b.search(t, patients(x)); got != "Patient/a" {
		t.Errorf("has: %s", got)
	}
	if got := b.search(t, patients(search.Not{X: x})); got != "Patient/b" {
		t.Errorf("not has: %s", got)
	}
	b.write(t, b.remove("Patient/a", 1), b.remove("Observation/1", 1))
	if got := b.search(t, observations(ng)) + b.search(t, patients(x)); got != "" {
		t.Errorf("after deletes: %s", got)
	}
}

func referred(t *testing.T, b bench) {
	b.write(t, b.put("Location/l", 0, ""), b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""),
		b.put("Encounter/e", 0, "", refer(location, "Location/l")), b.put("Encounter/f", 0, "", refer(location, "Location/l")),
		b.put("Observation/1", 0, "", refer(subject, "Patient/a"), token(code, "s", "x")),
		b.put("Observation/2", 0, "", refer(subject, "Patient/b"), token(code, "s", "y")))
	x := search.Referred{X: search.Or{tokenIs(code, "s", "x"), search.And{search.TypeIs{"Encounter"}, search.IDs{"e"}}}}
	for _, c := range []struct {
		q    *search.Query
		want string
	}{
		{query(nil, x), "Location/l Patient/a"},
		{patients(x), "Patient/a"},
		{patients(search.Not{X: x}), "Patient/b"},
		{query(nil, search.And{search.Referred{X: search.And{}}, search.TypeIs{"Patient"}}), "Patient/a Patient/b"},
		{query(nil, search.Referred{X: x}), ""},
	} {
		if got := b.search(t, c.q); got != c.want {
			t.Errorf("%+v: %q, want %q", c.q.Filter, got, c.want)
		}
		if n, err := b.Count(b.ctx, c.q); err != nil || int(n) != len(strings.Fields(c.want)) {
			t.Errorf("%+v: counted %d, %v", c.q.Filter, n, err)
		}
	}
	page, err := b.Search(b.ctx, &search.Query{Filter: x, Count: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := b.Search(b.ctx, &search.Query{Filter: search.Referred{X: tokenIs(code, "s", "x")}, Count: 1, After: page.Next}); !errors.Is(err, store.ErrBadCursor) {
		t.Errorf("a cursor of another query: %v", err)
	}
	b.write(t, b.remove("Patient/a", 1), b.remove("Encounter/e", 1))
	if got := b.search(t, query(nil, x)); got != "" {
		t.Errorf("after deletes: %s", got)
	}
}

func distinctValues(t *testing.T, b bench) {
	profile := func(url, version string) search.Entry {
		return search.Entry{Param: search.Param{Type: "Patient", Code: "_profile", Kind: definitions.SearchURI}, URL: url, Version: version}
	}
	ofAll := search.Param{Type: search.System, Code: "gender", Kind: definitions.SearchToken}
	b.write(t, b.put("Patient/a", 0, "", token(gender, "s", "male"), token(gender, "", "male"), profile("http://p", "2")),
		b.put("Patient/b", 0, "", token(gender, "s", "male"), token(gender, "s", "female"), profile("http://p", "2"), profile("http://o", "")),
		b.put("Patient/c", 0, "", token(gender, "s", "unknown")), b.put("Observation/1", 0, "", token(code, "s", "x")))
	b.write(t, b.remove("Patient/c", 1))
	for _, c := range []struct {
		p     search.Param
		limit int
		want  string
	}{
		{gender, 10, "|male s|female s|male "}, {gender, 2, "|male s|female "}, {ofAll, 10, "|male s|female s|male "},
		{code, 10, "s|x "}, {profile("", "").Param, 10, "http://o| http://p|2 "},
		{search.Param{Type: "Patient", Code: "_tag", Kind: definitions.SearchToken}, 10, ""},
	} {
		values, err := b.Values(b.ctx, c.p, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, v := range values {
			if got += v.System + v.URL + "|" + v.Code + v.Version + " "; v.Param != c.p {
				t.Errorf("%+v is of %+v", v, v.Param)
			}
		}
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.p, got, c.want)
		}
	}
}

func reindex(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(gender, "", "male")), b.put("Patient/b", 0, "", token(gender, "", "male")), b.put("Patient/c", 0, ""))
	b.write(t, b.put("Patient/b", 1, "", token(gender, "", "female")), b.remove("Patient/c", 1))
	held := b.setting(t, "held", "1")
	n, err := b.Reindex(b.ctx, held, []store.Reindexed{
		{Key: key("Patient/a"), Version: 1, Index: []search.Entry{token(gender, "", "other")}},
		{Key: key("Patient/b"), Version: 1, Index: []search.Entry{token(gender, "", "other")}},
		{Key: key("Patient/c"), Version: 2, Index: []search.Entry{token(gender, "", "other")}},
		{Key: key("Patient/d"), Version: 1, Index: []search.Entry{token(gender, "", "other")}},
	})
	if want := (store.ReindexCount{Replaced: 1, Added: 1, Removed: 1}); n != want || err != nil {
		t.Errorf("replaced %+v, %v", n, err)
	}
	n, err = b.Reindex(b.ctx, held, []store.Reindexed{{Key: key("Patient/a"), Version: 1, Index: []search.Entry{token(gender, "", "other"), text(family, "Ng")}}})
	if want := (store.ReindexCount{Replaced: 1, Added: 1, Unchanged: 1}); n != want || err != nil {
		t.Errorf("replaced %+v, %v", n, err)
	}
	if got := b.search(t, patients(tokenIs(gender, "", "other"))); got != "Patient/a" {
		t.Errorf("other: %s", got)
	}
	if got := b.search(t, patients(tokenIs(gender, "", "male"))); got != "" {
		t.Errorf("male: %s", got)
	}
	if r, err := b.Read(b.ctx, key("Patient/a")); err != nil || r.Version != 1 {
		t.Errorf("reindexing made version %d, %v", r.Version, err)
	}
}

func eachResource(t *testing.T, b bench) {
	ids := fill(t, b, 30)
	b.write(t, b.put("Patient/p", 0, ""))
	b.write(t, b.remove("Observation/o003", 1))
	ids = slices.Delete(ids, 3, 4)
	var got []string
	var middle store.Position
	for r, err := range b.Each(b.ctx, "Observation", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Body) == 0 {
			t.Error("no body")
		}
		if r.Version == 1 && r.Position != store.Position(r.Seq) {
			t.Errorf("%s stands at %d, and its first version at %d", r.Key, r.Position, r.Seq)
		}
		if got = append(got, string(r.Key.ID)); len(got) == 10 {
			middle = r.Position
		}
	}
	if !slices.Equal(got, ids) {
		t.Errorf("got %v", got)
	}
	got = got[:0]
	for r, err := range b.Each(b.ctx, "", middle) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.Key.ID))
	}
	if !slices.Equal(got, append(slices.Clone(ids[10:]), "p")) {
		t.Errorf("from the middle: %v", got)
	}
}

func stats(t *testing.T, b bench) {
	fill(t, b, 5)
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	b.write(t, b.remove("Patient/a", 1))
	got, err := b.Stats(b.ctx)
	if err != nil || len(got) != 2 || got["Observation"] != 5 || got["Patient"] != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// readers searches concurrently until stop is closed, so that writers and
// readers meet.
func (b bench) readers(t *testing.T, stop <-chan struct{}, q *search.Query) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.Search(b.ctx, q); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	return &wg
}

func heads(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(gender, "", "male")), b.put("Patient/b", 0, ""))
	b.write(t, b.put("Patient/a", 1, "", token(gender, "", "male")))
	for _, filter := range []search.Expr{nil, tokenIs(gender, "", "male"), search.IDs{"a"}} {
		q := patients(filter)
		q.Heads = true
		page, err := b.Search(b.ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			if r.Body != nil || r.Release == "" || r.Updated.IsZero() || r.Key.ID == "a" && r.Version != 2 {
				t.Errorf("%+v: %+v", filter, r)
			}
		}
		if filter != nil && names(page.Records) != "Patient/a" || filter == nil && len(page.Records) != 2 {
			t.Errorf("%+v found %s", filter, names(page.Records))
		}
	}
}
