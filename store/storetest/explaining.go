package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

var explainCases = []testCase{
	{"an explained search finds what the search finds, and says how", explained},
	{"an explained search tells how many rows it read", explainedRows},
}

func explained(t *testing.T, b bench) {
	for i := range 5 {
		mark := []search.Entry{token(gender, "", "male")}
		if i == 0 {
			mark = append(mark, text(family, "Ng"))
		}
		b.write(t, b.put("Patient/p"+string(rune('a'+i)), 0, "", mark...))
	}
	male, ng := tokenIs(gender, "", "male"), search.String{Param: family, Value: "n"}
	q := patients(search.And{male, ng})
	q.Total, q.Sort = search.TotalAccurate, []search.SortKey{{Param: family}}
	page, x, err := b.Explain(b.ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	if got := names(page.Records); got != "Patient/pa" || page.Total != 1 {
		t.Errorf("found %s of %d", got, page.Total)
	}
	if x.Way == "" || len(x.Criteria) != 2 {
		t.Fatalf("the way is %q over %d criteria", x.Way, len(x.Criteria))
	}
	if c := x.Criteria[0]; c.X != search.Expr(male) || c.Candidates != 5 || !c.Drives || c.AtLeast {
		t.Errorf("the first criterion: %+v", c) // it has few: the other was not asked
	}
	if c := x.Criteria[1]; c.Candidates != -1 || c.Drives {
		t.Errorf("the second criterion: %+v", c)
	}
	for _, purpose := range []store.StatementPurpose{store.TotalStatement, store.PageStatement} {
		i := slices.IndexFunc(x.Statements, func(s store.Statement) bool { return s.Purpose == purpose })
		if i < 0 {
			t.Fatalf("there is no statement of purpose %s", purpose)
		}
		s := x.Statements[i]
		if !strings.HasPrefix(s.SQL, "SELECT ") || len(s.Plan) == 0 || s.Returned != 1 || s.Took <= 0 || s.Touched < 2 {
			t.Errorf("%s: %+v", purpose, s)
		}
		if !slices.Contains(s.Args, any("male")) {
			t.Errorf("%s: its arguments are %v", purpose, s.Args)
		}
		named := false
		for id, name := range s.Names {
			named = named || name == "Patient.gender" && slices.Contains(s.Args, any(id))
		}
		if !named {
			t.Errorf("%s: its numbers are named %v", purpose, s.Names)
		}
	}
	if _, _, err := b.Explain(b.ctx, &search.Query{Types: q.Types, Filter: q.Filter, Count: 10, After: "forged"}); err == nil {
		t.Error("a forged cursor was accepted")
	}
}

func explainedRows(t *testing.T, b bench) {
	const many = 300
	writes := make([]store.Write, many)
	for i := range writes {
		writes[i] = b.put(fmt.Sprintf("Patient/p%03d", i), 0, "", token(gender, "", "male"))
	}
	b.write(t, writes...)
	male := tokenIs(gender, "", "male")
	for _, c := range []struct {
		filter               search.Expr
		purpose              store.StatementPurpose
		returned, least, max int64
	}{
		{male, store.PageStatement, 11, 11, 5 * 11}, // of its index no more rows than the page needs
		{male, store.TotalStatement, 1, many, 3 * many},
		{search.Not{X: male}, store.PageStatement, 0, many, 4 * many}, // each resource was looked at
	} {
		q := patients(c.filter)
		q.Count, q.Total = 10, search.TotalAccurate
		_, x, err := b.Explain(b.ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(x.Statements, func(s store.Statement) bool { return s.Purpose == c.purpose })
		if i < 0 {
			t.Errorf("%v: there is no statement of purpose %s", c.filter, c.purpose)
			continue
		}
		if s := x.Statements[i]; s.Returned != c.returned || s.Touched < c.least || s.Touched > c.max {
			t.Errorf("%v: the %s returned %d rows and read %d, want %d to %d\n%s\n%s", c.filter, c.purpose, s.Returned, s.Touched, c.least, c.max, s.SQL, strings.Join(s.Plan, "\n"))
		}
	}
}
