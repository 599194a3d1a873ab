package sqlite

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Explain implements store.Resources. Readers' connections cannot write.
func (s *Store) Explain(ctx context.Context, q *search.Query) (p store.Page, x store.Explanation, err error) {
	err = s.read(ctx, func(c *conn) error {
		p, x, err = s.reader.Explain(ctx, c, q, plan)
		return err
	})
	return p, x, err
}

// plan is what EXPLAIN QUERY PLAN says. SQLite does not tell how many rows it
// reads.
func plan(ctx context.Context, db sqldb.DB, text string, args []any) (steps []string, touched int64, err error) {
	depths := map[int64]int{}
	err = sqldb.ForEach(ctx, db, "EXPLAIN QUERY PLAN "+text, args, func(r sqldb.Rows) error {
		var id, parent, unused int64
		var detail string
		err := r.Scan(&id, &parent, &unused, &detail)
		depths[id] = depths[parent] + 1
		steps = append(steps, strings.Repeat("  ", depths[parent])+detail)
		return err
	})
	return steps, -1, err
}
