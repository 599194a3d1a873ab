package postgres

import (
	"context"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Explain implements store.Resources, in a transaction that cannot write.
func (s *Store) Explain(ctx context.Context, q *search.Query) (store.Page, store.Explanation, error) {
	var x store.Explanation
	page, err := read(s, func(db pool) (p store.Page, err error) {
		options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
		err = pgx.BeginTxFunc(ctx, db.Pool, options, func(tx pgx.Tx) error {
			p, x, err = s.reader.Explain(ctx, snapshot{tx}, q, plan)
			return err
		})
		return p, err
	})
	return page, x, err
}

// snapshot is a transaction that only reads.
type snapshot struct{ tx pgx.Tx }

// Query implements sqldb.DB.
func (s snapshot) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	if err := tooLong(text); err != nil {
		return nil, err
	}
	return s.tx.Query(ctx, text, args...) //nolint:sqlclosecheck // the caller closes them
}

// plan is what EXPLAIN says of the query as planned for its values.
func plan(ctx context.Context, db sqldb.DB, text string, args []any) (steps []string, touched int64, err error) {
	err = sqldb.ForEach(ctx, db, "EXPLAIN (ANALYZE, BUFFERS) "+text, args, func(r sqldb.Rows) error {
		var step string
		err := r.Scan(&step)
		steps = append(steps, step)
		return err
	})
	return steps, scanned(steps), err
}

var (
	scanStep    = regexp.MustCompile(`(?:Index|Index Only|Seq|Bitmap Heap) Scan.*\(actual .*rows=([0-9.]+) loops=([0-9]+)\)`)
	anyStep     = regexp.MustCompile(`\(actual .*rows=([0-9.]+) loops=([0-9]+)\)`)
	removedRows = regexp.MustCompile(`Rows Removed by (?:Filter|Index Recheck): ([0-9]+)`)
)

// scanned adds up the rows that the scans of a plan read, those included that
// their filters took away. Both stand in the plan as averages over the loops.
func scanned(steps []string) int64 {
	var sum, loops float64
	for _, step := range steps {
		if m := anyStep.FindStringSubmatch(step); m != nil {
			loops = 0 // of the scan that the lines below belong to
		}
		if m := scanStep.FindStringSubmatch(step); m != nil {
			loops = number(m[2])
			sum += number(m[1]) * loops
		}
		if m := removedRows.FindStringSubmatch(step); m != nil {
			sum += number(m[1]) * loops
		}
	}
	return int64(sum)
}

// number is a number of a plan, which matched as one.
func number(text string) float64 {
	n, _ := strconv.ParseFloat(text, 64)
	return n
}
