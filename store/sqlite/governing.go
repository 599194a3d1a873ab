package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// governing keeps table governed in memory from the first search on that asks what
// patients decided. The writer counts up, in each transaction that changes what it
// depends on, the counter by which a statement sees whether what is in memory is as old
// as the tables that it reads.
type governing struct {
	now     atomic.Pointer[sqldb.Governing]
	tooMany atomic.Bool
	loading sync.Mutex
	reading atomic.Bool

	mu         sync.Mutex
	generation int64        // committed
	changing   bool         // another one is being committed
	since      []regoverned // committed while it is read
}

// of is what is in memory, which c reads when it is not there. It is nil when there are
// too many patients, and when not all is known that changed meanwhile.
func (g *governing) of(c *conn) (*sqldb.Governing, error) {
	if now := g.now.Load(); now != nil || g.tooMany.Load() {
		return now, nil
	}
	g.loading.Lock()
	defer g.loading.Unlock()
	if now := g.now.Load(); now != nil || g.tooMany.Load() {
		return now, nil
	}
	g.reading.Store(true)
	read, err := readGoverning(c)
	g.mu.Lock()
	defer g.mu.Unlock()
	since := g.since
	g.since = nil
	g.reading.Store(false)
	if err != nil {
		return nil, err
	}
	for i := range since {
		if r := &since[i]; r.generation > read.Generation() {
			if !r.follows(read) {
				return nil, nil //nolint:nilnil // as it says
			}
			read = r.onto(read)
		}
	}
	if read.Generation() != g.generation {
		return nil, nil //nolint:nilnil // as it says
	}
	g.keep(read)
	return g.now.Load(), nil
}

// keep keeps what is not too much. g.mu is held.
func (g *governing) keep(now *sqldb.Governing) {
	if now.Large() {
		g.tooMany.Store(true)
		now = nil
	}
	g.now.Store(now)
}

func readGoverning(c *conn) (read *sqldb.Governing, err error) {
	if err := c.run("BEGIN"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.run("COMMIT")) }()
	return sqldb.ReadGoverning(context.Background(), quiet{c})
}

// regoverned is what a transaction changed.
type regoverned struct {
	ids    map[string]bool // of patients who have other policies
	rids   map[int64]bool  // of patients, too
	owners bool            // those that were learned may be others

	generation int64 // that it makes
	spans      []sqldb.Span
	unread     bool // spans, since nobody wanted them
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
	r.row(from)
	r.row(to)
	r.owners = true
}

func (r *regoverned) row(rid int64) {
	if r.rids == nil {
		r.rids = map[int64]bool{}
	}
	r.rids[rid] = true
}

// follows says whether what is in memory lacks this and no more.
func (r *regoverned) follows(g *sqldb.Governing) bool {
	return !r.unread && r.generation == g.Generation()+1
}

func (r *regoverned) onto(g *sqldb.Governing) *sqldb.Governing {
	return g.With(r.generation, slices.Collect(maps.Keys(r.rids)), r.spans, r.owners)
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
	if r.unread = !w.store.governing.wanted(); r.unread || err != nil {
		return err
	}
	for id := range r.ids {
		err := sqldb.ForEach(ctx, w.conn, "SELECT k.rid FROM resource k WHERE k.type = (SELECT n.id FROM name n WHERE n.space = ? AND n.text = ?) AND k.id = ?",
			[]any{int64(sqldb.TypeSpace), patientType, id}, func(in sqldb.Rows) error {
				var rid int64
				err := in.Scan(&rid)
				r.row(rid)
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

// wanted says whether what changes has to be read.
func (g *governing) wanted() bool { return g.reading.Load() || g.now.Load() != nil }

// regovern brings what is in memory to what was committed.
func (g *governing) regovern(r *regoverned) {
	if !r.any() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.generation, g.changing = r.generation, false
	if g.reading.Load() {
		g.since = append(g.since, *r)
	}
	switch now := g.now.Load(); {
	case now == nil:
	case r.follows(now):
		g.keep(r.onto(now))
	default:
		g.now.Store(nil)
	}
}

// change notes whether what r changed is being committed.
func (g *governing) change(r *regoverned, changing bool) {
	if !r.any() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changing = changing
}

// mark is that of all Patients. It is sure unless what readers see may be newer.
func (g *governing) mark() (m store.PolicyMark, sure bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return store.PolicyMark{State: g.generation + 1}, !g.changing
}
