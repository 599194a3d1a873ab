package sqldb

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Candidates are counted only up to most. Fewer than small are worth taking
// whole and sorting, and with fewer than few it does not matter whether others
// are fewer still.
const (
	most  = 10_000
	small = 2_000
	few   = 100
)

// driver chooses the conjunct whose set the search starts from: the one with
// the fewest resources, or the first with few. It returns -1 when none has a
// set. The size is at most most, and is 0 when there was nothing to choose
// between.
func (s *Reader) driver(c *compiler, conjuncts []search.Expr) (best int, size int64, err error) {
	best = -1
	c.trace.criteria(conjuncts)
	for i, e := range conjuncts {
		n, ok, err := s.estimate(c, e)
		if err != nil {
			return -1, 0, err
		}
		c.trace.estimated(i, n, ok)
		if ok && (best < 0 || n < size) {
			best, size = i, n
		}
		if best >= 0 && size < few {
			break
		}
	}
	c.trace.drives(best)
	return best, size, c.err
}

// estimate counts the candidates of x up to most, from memory if they were
// counted lately.
func (s *Reader) estimate(c *compiler, x search.Expr) (int64, bool, error) {
	if ids, ok := x.(search.IDs); ok && len(c.types) > 0 {
		return int64(min(len(ids)*len(c.types), most)), true, nil
	}
	selects, ok := c.set(x)
	if !ok || c.err != nil {
		return 0, false, c.err
	}
	f := join("", sql("SELECT count(*) FROM (SELECT rid FROM ("), join(" UNION ALL ", selects...),
		sql(") c LIMIT "+strconv.Itoa(most)+") n"))
	n, err := s.counted(c, f)
	return n, true, err
}

// counted is a count for choosing how to search.
func (s *Reader) counted(c *compiler, f fragment) (int64, error) {
	key := f.key()
	if n, ok := s.estimates.get(key); ok {
		return n, nil
	}
	defer c.trace.doing(store.EstimateStatement)()
	n, err := count(c.ctx, short(c.db), c.dialect, f)
	if err == nil {
		s.estimates.put(key, n)
	}
	return n, err
}

func count(ctx context.Context, db DB, d Dialect, f fragment) (int64, error) {
	var n int64
	err := ForEach(ctx, db, d.Rebind(f.sql), f.args, func(r Rows) error { return r.Scan(&n) })
	return n, err
}

// Estimates are kept for a while: choosing by an old one costs time, never
// correctness.
const (
	estimateAge   = 30 * time.Second
	estimateCount = 16_384
)

// estimates are kept by the key of their query.

type estimates struct {
	mu sync.Mutex
	m  map[uint64]estimate
}

type estimate struct {
	n  int64
	at time.Time
}

func (e *estimates) get(key uint64) (int64, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x, ok := e.m[key]
	if !ok || time.Since(x.at) > estimateAge {
		return 0, false
	}
	return x.n, true
}

func (e *estimates) put(key uint64, n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.m == nil || len(e.m) >= estimateCount {
		e.m = make(map[uint64]estimate)
	}
	e.m[key] = estimate{n, time.Now()}
}
