package sqldb

import (
	"context"
	"maps"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Trace is a DB that notes what a search does on it. A nil Trace notes nothing.
// It serves one search.
type Trace struct {
	db DB
	// plan returns the database's plan of a query, and how many rows its scans
	// read, -1 when that is not told.
	plan    Planner
	names   map[int64]string
	purpose store.StatementPurpose
	x       store.Explanation
}

// Planner asks for the plan of a query: its steps, and the rows that its scans
// read or -1.
type Planner func(ctx context.Context, db DB, text string, args []any) (steps []string, touched int64, err error)

// Explain is store.Resources.Explain on db, where only reading is possible.
func (s *Reader) Explain(ctx context.Context, db DB, q *search.Query, plan Planner) (store.Page, store.Explanation, error) {
	t := &Trace{db: db, plan: plan, names: map[int64]string{}, purpose: store.NameStatement}
	page, err := s.Search(ctx, t, q)
	return page, t.x, err
}

// Query implements DB.
func (t *Trace) Query(ctx context.Context, text string, args ...any) (Rows, error) {
	statement := store.Statement{Purpose: t.purpose, SQL: text, Args: args, Names: t.namesOf(args), Touched: -1}
	if t.purpose != store.NameStatement {
		var err error
		if statement.Plan, statement.Touched, err = t.plan(ctx, t.db, text, args); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	rows, err := t.db.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	t.x.Statements = append(t.x.Statements, statement)
	return &traced{rows, &t.x.Statements[len(t.x.Statements)-1], start}, nil
}

// namesOf are the names whose numbers are among args.
func (t *Trace) namesOf(args []any) map[int64]string {
	names := maps.Clone(t.names)
	maps.DeleteFunc(names, func(id int64, _ string) bool {
		for _, a := range args {
			if a == any(id) {
				return false
			}
		}
		return true
	})
	return names
}

// traced counts rows. Only one result of a Trace is read at a time.
type traced struct {
	Rows
	statement *store.Statement
	start     time.Time
}

// Next implements Rows.
func (t *traced) Next() bool {
	ok := t.Rows.Next()
	if ok {
		t.statement.Returned++
	}
	return ok
}

// Close implements Rows.
func (t *traced) Close() {
	t.Rows.Close()
	t.statement.Took = time.Since(t.start)
}

// doing says what the next statements are for, until what it returns is called.
func (t *Trace) doing(p store.StatementPurpose) func() {
	if t == nil {
		return func() {}
	}
	before := t.purpose
	t.purpose = p
	return func() { t.purpose = before }
}

// way says how the page is found.
func (t *Trace) way(text string) {
	if t != nil {
		t.x.Way = text
	}
}

// criteria begins the choice between conjuncts.
func (t *Trace) criteria(conjuncts []search.Expr) {
	if t == nil {
		return
	}
	t.x.Criteria = make([]store.Criterion, len(conjuncts))
	for i, x := range conjuncts {
		t.x.Criteria[i] = store.Criterion{X: x, Candidates: -1}
	}
}

// estimated notes the candidates of a conjunct, if it has a set.
func (t *Trace) estimated(i int, n int64, ok bool) {
	if t != nil && ok {
		t.x.Criteria[i].Candidates, t.x.Criteria[i].AtLeast = n, n >= bound(t.x.Criteria[i].X)
	}
}

// drives notes the conjunct that was chosen; none when it is -1.
func (t *Trace) drives(i int) {
	if t == nil {
		return
	}
	for j := range t.x.Criteria {
		t.x.Criteria[j].Drives = i == j
	}
}

// alone is the choice when there is but one.
func (t *Trace) alone(x search.Expr) {
	t.criteria([]search.Expr{x})
	t.drives(0)
}

// named notes what a number stands for.
func (t *Trace) named(id int64, text string) {
	if t != nil && id != Unknown {
		t.names[id] = text
	}
}
