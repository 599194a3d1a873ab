package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	{"a query with more conditions than the database takes is refused as such", tooComplex},
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

func tooComplex(t *testing.T, b bench) {
	fill(t, b, 1)
	var any search.Or
	for n := range 25_000 {
		any = append(any, search.Not{X: search.Reference{Param: subject, Type: "Patient", ID: fmt.Sprint("p", n)}})
	}
	if _, err := b.Search(b.ctx, observations(any)); !errors.Is(err, store.ErrTooComplex) {
		t.Errorf("%.200v", err)
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
