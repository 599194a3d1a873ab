package sqldb

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Candidates are counted only up to most, those of chains and _has, each of which
// takes several look-ups, up to small. Fewer than small are worth taking whole and
// sorting, unless they have an order of their own and are several. With fewer than
// few it does not matter whether others are fewer still.
const (
	handful = 8
	most    = 10_000
	small   = 2_000
	several = 200
	few     = 100
)

// bound is up to where x's candidates are counted.
func bound(x search.Expr) int64 {
	if link, _ := linkOf(x); link != nil {
		return small
	}
	return most
}

// driver chooses the conjunct whose set the search starts from: the one with
// the fewest resources, or the first with few. Of those with too many to count one
// goes first whose index has its resources in the order of creation. It returns -1
// when none has a set. The size is at most bound, and is 0 when there was nothing
// to choose between.
func (s *Reader) driver(c *compiler, conjuncts []search.Expr) (best int, size int64, err error) {
	best = -1
	var rank int64
	c.trace.criteria(conjuncts)
	for i, e := range conjuncts {
		n, ok, err := s.estimate(c, e)
		if err != nil {
			return -1, 0, err
		}
		c.trace.estimated(i, n, ok)
		if !ok {
			continue
		}
		r := n
		if n >= bound(e) {
			if r = most + 1; c.exact(e) {
				r = most
			}
		}
		if best < 0 || r < rank {
			best, size, rank = i, n, r
		}
		if size < few {
			break
		}
	}
	c.trace.drives(best)
	if best >= 0 && size <= handful {
		c.size = nil // asking after each one is less work than looking anything up
	}
	return best, size, c.err
}

// exact says whether an index has x's resources in the order of creation.
func (c *compiler) exact(x search.Expr) bool {
	l, ok := c.leaf(x)
	return ok && l.exact
}

// estimate counts the candidates of x up to its bound, from memory if they were
// counted lately.
func (s *Reader) estimate(c *compiler, x search.Expr) (int64, bool, error) {
	if ids, ok := x.(search.IDs); ok && len(c.types) > 0 {
		return int64(min(len(ids)*len(c.types), most)), true, nil
	}
	selects, ok := c.set(x)
	if !ok || c.err != nil {
		return 0, false, c.err
	}
	n, err := s.counted(c, join("", sql("SELECT count(*) FROM (SELECT rid FROM ("), join(" UNION ALL ", selects...),
		sql(") c LIMIT "+strconv.FormatInt(bound(x), 10)+") n")))
	return n, n < bound(x) || !onlyTypes(x), err
}

// onlyTypes says whether x asks for types alone: where those have many resources,
// the set is no better than the table.
func onlyTypes(x search.Expr) bool {
	return !slices.ContainsFunc(alternatives(x), func(one search.Expr) bool {
		types, rest := typed(one)
		return types == nil || rest != nil
	})
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
