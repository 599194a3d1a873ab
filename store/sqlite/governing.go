package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/inglehealth/ingle/store/sqldb"
)

// governing keeps table governed in memory from the first search on that asks what
// patients decided. The writer counts up, in each transaction that changes what it
// depends on, the counter by which a statement sees whether what is in memory is as old
// as the tables that it reads.
type governing struct {
	loading    sync.Mutex
	mu         sync.Mutex
	generation int64 // committed
	now        atomic.Pointer[sqldb.Governing]
	tooMany    atomic.Bool
}

// loadings are tried before a query does without: while one reads, another transaction
// may commit.
const loadings = 3

// of is what is in memory, which c reads when it is not there.
func (g *governing) of(c *conn) (*sqldb.Governing, error) {
	if now := g.now.Load(); now != nil || g.tooMany.Load() {
		return now, nil
	}
	g.loading.Lock()
	defer g.loading.Unlock()
	for range loadings {
		if now := g.now.Load(); now != nil || g.tooMany.Load() {
			return now, nil
		}
		read, err := readGoverning(c)
		if err != nil {
			return nil, err
		}
		g.put(read)
	}
	return g.now.Load(), nil
}

func readGoverning(c *conn) (read *sqldb.Governing, err error) {
	if err := c.run("BEGIN"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.run("COMMIT")) }()
	return sqldb.ReadGoverning(context.Background(), quiet{c})
}

// put keeps what was read, unless something was committed since.
func (g *governing) put(read *sqldb.Governing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case read == nil:
		g.tooMany.Store(true)
	case read.Generation() == g.generation:
		g.now.Store(read)
	}
}

// regoverned is what a transaction changed.
type regoverned struct {
	ids    map[string]bool // of patients who have other policies
	rids   map[int64]bool  // of patients, too
	owners bool            // those that were learned may be others

	generation int64 // that it makes
	unread     bool
	spans      []sqldb.Span
}

func (r *regoverned) any() bool { return len(r.ids)+len(r.rids) > 0 || r.owners }

// patient notes one who may have other policies.
func (r *regoverned) patient(id string) {
	if r.ids == nil {
		r.ids = map[string]bool{}
	}
	r.ids[id] = true
}

// moved notes a row that took the place of a patient's other one.
func (r *regoverned) moved(from, to int64) {
	if r.rids == nil {
		r.rids = map[int64]bool{}
	}
	r.rids[from], r.rids[to], r.owners = true, true, true
}

// regovern counts up, at the end of a transaction, and reads what patients have now, if
// that is in memory.
func (t *tx) regovern() error {
	r, w := &t.regoverned, t.writer
	if !r.any() {
		return nil
	}
	ctx := context.Background()
	err := sqldb.ForEach(ctx, w.conn, "INSERT INTO counter (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
		[]any{sqldb.GoverningName}, func(in sqldb.Rows) error { return in.Scan(&r.generation) })
	if r.unread = w.store.governing.now.Load() == nil; r.unread || err != nil {
		return err
	}
	for id := range r.ids {
		err := sqldb.ForEach(ctx, w.conn, "SELECT k.rid FROM resource k WHERE k.type = (SELECT n.id FROM name n WHERE n.space = ? AND n.text = ?) AND k.id = ?",
			[]any{int64(sqldb.TypeSpace), patientType, id}, func(in sqldb.Rows) error {
				var rid int64
				err := in.Scan(&rid)
				if r.rids == nil {
					r.rids = map[int64]bool{}
				}
				r.rids[rid] = true
				return err
			})
		if err != nil {
			return err
		}
	}
	for rid := range r.rids {
		err := sqldb.ForEach(ctx, w.conn, "SELECT lo, until, policy FROM governed WHERE patient = ?", []any{rid}, func(in sqldb.Rows) error {
			s := sqldb.Span{Patient: rid}
			err := in.Scan(&s.Lo, &s.Until, &s.Policy)
			r.spans = append(r.spans, s)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// regovern brings what is in memory to what was committed.
func (g *governing) regovern(r *regoverned) {
	if !r.any() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	follows := r.generation == g.generation+1
	g.generation = r.generation
	now := g.now.Load()
	if now == nil {
		return
	}
	if !follows || r.unread || now.Generation() != r.generation-1 {
		g.now.Store(nil)
		return
	}
	next := now.With(r.generation, slices.Collect(maps.Keys(r.rids)), r.spans, r.owners)
	g.now.Store(next)
	g.tooMany.Store(next == nil)
}
