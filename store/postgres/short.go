package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/inglehealth/ingle/store/sqldb"
)

// Short queries of searches share round trips as reads by key do: while some
// are on their way, the next ones gather.
const (
	maxBatch = 16      // queries of a batch
	maxShort = 2 << 20 // bytes of one query's rows; with more it is not short
)

// askers is how many batches may be on their way at once: one database process
// works on each.
func askers() int { return max(2, runtime.GOMAXPROCS(0)) }

// searching is the pool for a search, which says which of its queries are short.
type searching struct {
	pool
	s *Store
}

// Short implements sqldb.Shortener.
func (d searching) Short() sqldb.DB { return short{d.s} }

// short runs queries that others may wait for.
type short struct{ s *Store }

// asked is one query on its way.
type asked struct {
	text string
	args []any
	sent func() // is called before it is sent; may be nil
	rows gathered
	err  error
	done chan struct{}
}

// Query implements sqldb.DB. What fails together with others is asked again
// alone.
func (d short) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	if err := tooLong(text); err != nil {
		return nil, err
	}
	a := &asked{text: text, args: args, done: make(chan struct{})}
	select {
	case d.s.asking <- a:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.err != nil {
		return pool{d.s.pool}.Query(ctx, text, args...)
	}
	return &a.rows, nil
}

// answer runs short queries until there are no more.
func (s *Store) answer() {
	for first := range s.asking {
		batch := gather(first, s.asking, maxBatch)
		err := s.runTogether(batch)
		for _, a := range batch {
			a.err = err
			close(a.done)
		}
	}
}

func (s *Store) runTogether(batch []*asked) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	var queries pgx.Batch
	all := s.goings(batch)
	for _, g := range all {
		for _, a := range g.asked {
			if a.sent != nil {
				a.sent()
			}
		}
		g.queue(&queries)
	}
	results := s.short.SendBatch(ctx, &queries)
	for _, g := range all {
		if err := g.take(results); err != nil {
			cancel() // what is left is not read
			s.joints.fail(all, err)
			return errors.Join(err, results.Close())
		}
	}
	return results.Close()
}

// gathered are rows that were read from the connection as they came.
type gathered struct {
	types []uint32
	data  []byte
	ends  []int // of each value in data; -1 for NULL
	next  int   // the first value of the next row
	start int   // where it begins
}

var errNotShort = errors.New("postgres: the rows are too many for a short query")

// take reads the rows of each of asked, which the first column tells apart, counting from 1, if they are
// several.
func take(from pgx.BatchResults, asked ...*asked) error {
	rows, err := from.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for _, a := range asked {
		a.rows.data = []byte{} // an empty text is not NULL
	}
	var types []uint32
	for rows.Next() {
		if types == nil {
			if types, err = typesOf(rows.FieldDescriptions()); err != nil {
				return err
			}
		}
		g, values, own := &asked[0].rows, rows.RawValues(), types
		if len(asked) > 1 {
			n, ok := whole(values[0], types[0])
			if !ok || n < 1 || n > int64(len(asked)) {
				return fmt.Errorf("postgres: a row of query %d of %d", n, len(asked))
			}
			g, values, own = &asked[n-1].rows, values[1:], types[1:]
		}
		if g.types = own; !g.add(values) {
			return errNotShort
		}
	}
	return rows.Err()
}

// typesOf are the types of columns that can be read.
func typesOf(columns []pgconn.FieldDescription) (types []uint32, err error) {
	for _, f := range columns {
		if f.Format != pgx.BinaryFormatCode && f.DataTypeOID != pgtype.TextOID {
			return nil, fmt.Errorf("postgres: column %s did not come in binary", f.Name)
		}
		types = append(types, f.DataTypeOID)
	}
	return types, nil
}

// add adds a row, unless there is too much.
func (g *gathered) add(values [][]byte) bool {
	for _, v := range values {
		if v == nil {
			g.ends = append(g.ends, -1)
			continue
		}
		g.data = append(g.data, v...)
		g.ends = append(g.ends, len(g.data))
	}
	return len(g.data) <= maxShort
}

// Next implements sqldb.Rows.
func (g *gathered) Next() bool { return g.next < len(g.ends) }

// Err implements sqldb.Rows.
func (g *gathered) Err() error { return nil }

// Close implements sqldb.Rows.
func (g *gathered) Close() {}

// Scan implements sqldb.Rows.
func (g *gathered) Scan(dest ...any) error {
	if len(dest) != len(g.types) {
		return fmt.Errorf("postgres: %d columns scanned into %d values", len(g.types), len(dest))
	}
	for i, d := range dest {
		var raw []byte
		if end := g.ends[g.next+i]; end >= 0 {
			raw = g.data[g.start:end:end]
			g.start = end
		}
		if err := assign(d, raw, g.types[i]); err != nil {
			return fmt.Errorf("postgres: column %d: %w", i+1, err)
		}
	}
	g.next += len(dest)
	return nil
}

// assign decodes a value of a type; raw is nil for NULL.
func assign(dest any, raw []byte, oid uint32) error {
	switch d := dest.(type) {
	case *[]byte:
		*d = raw
		return nil
	case *string:
		if raw != nil && oid == pgtype.TextOID {
			*d = string(raw)
			return nil
		}
	case *int64:
		n, ok := whole(raw, oid)
		if ok {
			*d = n
			return nil
		}
	case *any:
		*d = nil
		if raw == nil {
			return nil
		}
		if n, ok := whole(raw, oid); ok {
			*d = n
			return nil
		}
		switch oid {
		case pgtype.TextOID:
			*d = string(raw)
			return nil
		case pgtype.Float8OID:
			*d = math.Float64frombits(binary.BigEndian.Uint64(raw))
			return nil
		}
	}
	return fmt.Errorf("a value of type %d does not fit %T", oid, dest)
}

func whole(raw []byte, oid uint32) (int64, bool) {
	switch {
	case oid == pgtype.Int8OID && len(raw) == 8:
		return int64(binary.BigEndian.Uint64(raw)), true
	case oid == pgtype.Int4OID && len(raw) == 4:
		return int64(int32(binary.BigEndian.Uint32(raw))), true
	case oid == pgtype.Int2OID && len(raw) == 2:
		return int64(int16(binary.BigEndian.Uint16(raw))), true
	}
	return 0, false
}
