package postgres

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store/sqldb"
)

// TestShortQueriesOfOneBatchDoNotDisturbEachOther asks for good rows, a
// division by zero and more rows than are short, all at once.
func TestShortQueriesOfOneBatchDoNotDisturbEachOther(t *testing.T) {
	s, err := Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	db := searching{pool{s.pool}, s}.Short()
	var wg sync.WaitGroup
	for n := range int64(60) {
		wg.Go(func() {
			rows := 0
			switch n % 20 {
			case 7:
				err := sqldb.ForEach(t.Context(), db, "SELECT 1 / $1::bigint", []any{int64(0)}, func(sqldb.Rows) error { return nil })
				if err == nil || !strings.Contains(err.Error(), "division by zero") {
					t.Errorf("a division by zero: %v", err)
				}
			case 13:
				size := 0
				err := sqldb.ForEach(t.Context(), db, "SELECT repeat('x', 1024) FROM generate_series(1, $1::bigint)", []any{int64(2 * maxShort >> 10)}, func(r sqldb.Rows) error {
					var text string
					err := r.Scan(&text)
					size += len(text)
					return err
				})
				if err != nil || size != 2*maxShort {
					t.Errorf("%d bytes, %v", size, err)
				}
			default:
				text := strconv.FormatInt(n, 10)
				err := sqldb.ForEach(t.Context(), db,
					"SELECT i, ($1::bigint)::integer, (-2)::smallint, $2::text, NULL::text, convert_to($2::text, 'UTF8'), NULL::bytea, 0.5::double precision, $2::text, i FROM generate_series($1::bigint, $1::bigint + 2) i",
					[]any{n, text}, func(r sqldb.Rows) error {
						var i, same, small int64
						var inText string
						var bytes, noBytes []byte
						var none, half, anyText, anyNumber any
						err := r.Scan(&i, &same, &small, &inText, &none, &bytes, &noBytes, &half, &anyText, &anyNumber)
						if i != n+int64(rows) || same != n || small != -2 || inText != text || none != nil || string(bytes) != text || noBytes != nil || half != 0.5 || anyText != text || anyNumber != i {
							t.Errorf("row %d of query %d: %v %v %v %q %v %q %v %v %v %v", rows, n, i, same, small, inText, none, bytes, noBytes, half, anyText, anyNumber)
						}
						rows++
						return err
					})
				if err != nil || rows != 3 {
					t.Errorf("query %d: %d rows, %v", n, rows, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAnEmptyTextOfAShortQueryIsNotNULL(t *testing.T) {
	s, err := Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := "?"
	err = sqldb.ForEach(t.Context(), searching{pool{s.pool}, s}.Short(), "SELECT ''::text", nil, func(r sqldb.Rows) error { return r.Scan(&text) })
	if err != nil || text != "" {
		t.Errorf("%q, %v", text, err)
	}
}
