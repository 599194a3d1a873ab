package sqlite

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Explain implements store.Resources. Readers' connections cannot write.
func (s *Store) Explain(ctx context.Context, q *search.Query) (p store.Page, x store.Explanation, err error) {
	err = s.read(ctx, func(c *conn) error {
		p, x, err = s.reader.Explain(ctx, c, q, c.plan)
		return err
	})
	return p, x, err
}

// plan is what EXPLAIN QUERY PLAN says, and how many rows the query's scans read
// when it runs. SQLite does not tell that, so the query is run with a condition
// on each table that counts; should that change the plan, it is not told.
func (c *conn) plan(ctx context.Context, db sqldb.DB, text string, args []any) (steps []string, touched int64, err error) {
	steps, err = planOf(ctx, db, text, args)
	counting, ok := counted(text)
	if err != nil || !ok {
		return steps, -1, err
	}
	same, err := planOf(ctx, db, counting, args)
	if err != nil || !slices.Equal(same, steps) {
		return steps, -1, err
	}
	*c.touched = 0
	err = sqldb.ForEach(ctx, db, counting, args, func(sqldb.Rows) error { return nil })
	return steps, *c.touched, err
}

func planOf(ctx context.Context, db sqldb.DB, text string, args []any) (steps []string, err error) {
	depths := map[int64]int{}
	err = sqldb.ForEach(ctx, db, "EXPLAIN QUERY PLAN "+text, args, func(r sqldb.Rows) error {
		var id, parent, unused int64
		var detail string
		err := r.Scan(&id, &parent, &unused, &detail)
		depths[id] = depths[parent] + 1
		steps = append(steps, strings.Repeat("  ", depths[parent])+detail)
		return err
	})
	return steps, err
}
