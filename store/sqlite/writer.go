package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// request is one transaction waiting for the writer.
type request struct {
	ctx      context.Context
	fn       func(ctx context.Context, t *tx) error
	imported bool        // may be acknowledged before the commit
	flush    bool        // commits what is imported
	taken    atomic.Bool // by the writer, or by a caller that gave up
	done     chan error
	panicked any
}

// Limits of what one commit holds.
const (
	maxGroup       = 512
	maxImportRows  = 100_000
	maxImportDelay = 200 * time.Millisecond
	gatherDelay    = 500 * time.Microsecond
)

// writer owns the writing connection. All its fields but queue belong to the
// goroutine of loop.
type writer struct {
	store *Store
	conn  *conn
	queue chan *request
	ended chan struct{}
	err   error // of an import's commit that nobody was told yet

	seq     int64 // last given
	name    int64
	rids    rids
	relaxed bool // synchronous=NORMAL
	open    bool // a transaction of imports is open
	opened  time.Time
	tx      *tx

	commits   atomic.Int64
	lastGroup int // members of the last group
	gather    *time.Timer
}

func newWriter(s *Store, c *conn) *writer {
	w := &writer{store: s, conn: c, queue: make(chan *request, maxGroup), ended: make(chan struct{})}
	w.tx = &tx{writer: w}
	w.gather = time.NewTimer(time.Hour)
	return w
}

// load reads the counters and names.
func (w *writer) load(ctx context.Context) error {
	ask := func(text string, n *int64) error {
		return sqldb.ForEach(ctx, w.conn, text, nil, func(r sqldb.Rows) error { return r.Scan(n) })
	}
	return errors.Join(
		ask("SELECT max(coalesce((SELECT max(seq) FROM version), 0), coalesce((SELECT max(rid) FROM resource), 0), coalesce((SELECT value FROM counter WHERE name = 'seq'), 0))", &w.seq),
		// The first number is 2: a parameter that changes to or from 0 or 1 makes
		// SQLite plan its statement again.
		ask("SELECT max(1, coalesce((SELECT max(id) FROM name), 0), coalesce((SELECT max(id) FROM unit), 0), coalesce((SELECT max(id) FROM phrase), 0), "+
			"coalesce((SELECT value FROM counter WHERE name = 'name'), 0))", &w.name),
		ask("SELECT coalesce((SELECT value FROM counter WHERE name = '"+sqldb.GoverningName+"'), 0)", &w.store.governing.generation),
		w.store.names.Load(ctx, w.conn))
}

// do runs fn in a durable transaction.
func (s *Store) do(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	return s.submit(&request{ctx: ctx, fn: fn, done: make(chan error, 1)})
}

func (s *Store) submit(r *request) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	select {
	case s.writer.queue <- r:
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	var err error
	select {
	case err = <-r.done:
	case <-r.ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return r.ctx.Err()
		}
		err = <-r.done
	}
	if r.panicked != nil {
		panic(r.panicked)
	}
	return s.translate(err)
}

func (w *writer) stop() {
	close(w.queue)
	<-w.ended
}

func (w *writer) loop() {
	defer close(w.ended)
	timer := time.NewTimer(maxImportDelay)
	defer timer.Stop()
	for {
		var first *request
		var ok bool
		if w.open {
			timer.Reset(maxImportDelay)
			select {
			case first, ok = <-w.queue:
			case <-timer.C:
				w.commitImports()
				continue
			}
		} else {
			first, ok = <-w.queue
		}
		if !ok {
			w.commitImports()
			return
		}
		w.serve(first)
	}
}

// serve runs first and what waits behind it.
func (w *writer) serve(first *request) {
	var group []*request
	for r := first; r != nil; {
		switch {
		case r.flush:
			w.commitImports()
			// It is taken once: the function may run again.
			failed := w.takeError()
			r.fn = func(context.Context, *tx) error {
				if failed != nil {
					return failed
				}
				return w.keepCounters()
			}
			r.flush = false
			continue
		case r.imported:
			w.runGroup(group)
			group = nil
			w.runImport(r)
		default:
			group = append(group, r)
		}
		r = w.next(len(group))
	}
	w.runGroup(group)
	if !w.open {
		w.store.checkpointer.committed(w.conn)
	}
}

// next is the next request of a group that has n already, nil when there is
// none. As long as the group is not half again as great as the last one, it
// waits a moment, since the last one's callers are probably about to write
// again: a commit costs much the same for one as for many, and a page that many
// change is written once. A single caller is not kept waiting.
func (w *writer) next(n int) *request {
	if n >= maxGroup {
		return nil
	}
	select {
	case r := <-w.queue:
		return r
	default:
	}
	if n == 0 || n >= w.lastGroup+w.lastGroup/2 {
		return nil
	}
	w.gather.Reset(gatherDelay)
	select {
	case r := <-w.queue:
		return r
	case <-w.gather.C:
		return nil
	}
}

// keepCounters writes down the last numbers given.
func (w *writer) keepCounters() error {
	return w.conn.run("INSERT INTO counter (name, value) VALUES ('seq', ?), ('name', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", w.seq, w.name)
}

func (w *writer) takeError() error {
	err := w.err
	w.err = nil
	return err
}

// synchronous sets how commits are synced; only outside a transaction.
func (w *writer) synchronous(relaxed bool) error {
	if w.relaxed == relaxed {
		return nil
	}
	mode := "FULL"
	if relaxed {
		mode = "NORMAL"
	}
	err := w.conn.run("PRAGMA synchronous = " + mode)
	if err == nil {
		w.relaxed = relaxed
	}
	return err
}

func (w *writer) begin(relaxed bool) error {
	if err := w.synchronous(relaxed); err != nil {
		return err
	}
	w.tx.reset()
	return w.conn.run("BEGIN IMMEDIATE")
}

func (w *writer) commit() error {
	err := w.tx.flush()
	if err == nil {
		err = w.tx.regovern()
	}
	governing := &w.store.governing
	if err == nil {
		governing.change(&w.tx.regoverned, true)
		err = w.conn.run("COMMIT")
	}
	if err != nil {
		governing.change(&w.tx.regoverned, false)
		w.rollback()
		return err
	}
	w.store.checkpointer.changes.commit()
	w.commits.Add(1)
	w.tx.made = w.tx.made[:0]
	governing.regovern(&w.tx.regoverned)
	if w.tx.raises {
		w.store.epoch.Add(1)
	}
	return nil
}

// rollback ends the transaction. SQLite may have ended it already, after a
// full disk for one, so its error says nothing.
func (w *writer) rollback() {
	_ = w.conn.run("ROLLBACK")
	w.tx.forget(0)
	w.tx.reset()
	w.rids.forget()
}

// errAborted says that the whole transaction is gone, not just one member's
// part of it.
var errAborted = errors.New("sqlite: the transaction was aborted")

// runGroup commits a group of requests together. The first attempt takes no
// savepoints, which copy pages. When a member fails after it wrote, the group
// runs again with a savepoint each, so that only the failed one is undone; and
// when one takes the whole transaction down, the others run each by itself.
func (w *writer) runGroup(group []*request) {
	live := group[:0]
	for _, r := range group {
		if r.taken.CompareAndSwap(false, true) {
			live = append(live, r)
		}
	}
	if len(live) == 0 {
		return
	}
	w.lastGroup = len(live)
	w.commitImports()
	results := make([]error, len(live))
	err := w.attempt(live, results, false)
	if errors.Is(err, errUndo) && len(live) > 1 {
		err = w.attempt(live, results, true)
	}
	if err != nil && len(live) > 1 {
		for i, r := range live {
			if !errors.Is(results[i], errAborted) {
				results[i] = w.attempt(live[i:i+1], results[i:i+1], false)
			}
			r.done <- results[i]
		}
		return
	}
	for i, r := range live {
		if results[i] == nil {
			results[i] = err
		}
		r.done <- results[i]
	}
}

// errUndo says that a member's writes have to be undone.
var errUndo = errors.New("sqlite: a member failed after it wrote")

// attempt runs the members in one transaction and commits it. results has the
// errors of members that failed without harm to the others; the error, that
// the transaction was rolled back. Of a single member it is the member's.
func (w *writer) attempt(live []*request, results []error, savepoints bool) (err error) {
	clear(results)
	if err := w.begin(false); err != nil {
		return err
	}
	p := unprotected
	if savepoints {
		p = protected
	}
	for i, r := range live {
		wrote := w.conn.writes
		results[i] = w.member(r, p)
		switch {
		case results[i] == nil:
		case len(live) == 1:
			w.rollback()
			return results[i]
		case errors.Is(results[i], errAborted):
			w.rollback()
			return results[i]
		case !savepoints && w.conn.writes != wrote:
			w.rollback()
			return errUndo
		}
	}
	return w.commit()
}

// runImport runs a request in the open transaction of imports.
func (w *writer) runImport(r *request) {
	if !r.taken.CompareAndSwap(false, true) {
		return
	}
	if w.err != nil {
		r.done <- w.takeError()
		return
	}
	if !w.open {
		if err := w.begin(true); err != nil {
			r.done <- err
			return
		}
		w.open, w.opened = true, time.Now()
	}
	err := w.member(r, whenChanging)
	if errors.Is(err, errAborted) {
		w.open = false
		w.rollback()
		w.err = err
	}
	r.done <- err
	if w.open && (len(w.tx.ops) > maxImportRows || time.Since(w.opened) > maxImportDelay*5) {
		w.commitImports()
	}
}

func (w *writer) commitImports() {
	if !w.open {
		return
	}
	w.open = false
	if err := w.commit(); err != nil && w.err == nil {
		w.err = fmt.Errorf("sqlite: imported records were not kept: %w", w.store.translate(err))
	}
	w.store.checkpointer.committed(w.conn)
}

// member runs one request. Unless it is the transaction's only one, or the
// transaction can run again, its failure has to leave the rest of that as it
// was.
func (w *writer) member(r *request, p protection) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	mark, err := w.tx.begin(p)
	if err != nil {
		return err
	}
	if err = call(r, w.tx); err == nil {
		err = w.tx.end()
	}
	if err != nil {
		if undo := w.tx.back(mark); undo != nil {
			return fmt.Errorf("%w: %w", errAborted, err)
		}
	}
	return err
}

// call runs the caller's function. A panic goes back to the caller's
// goroutine with the stack of where it happened.
func call(r *request, t *tx) (err error) {
	r.panicked = nil
	defer func() {
		if p := recover(); p != nil {
			r.panicked = fmt.Sprintf("%v\n\nin a transaction:\n%s", p, debug.Stack())
			err = errors.New("sqlite: the transaction's function panicked")
		}
	}()
	return r.fn(r.ctx, t)
}

// Write implements store.Resources.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return fn(ctx, t) })
}

// Import implements store.Resources.
func (s *Store) Import(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.submit(&request{ctx: ctx, imported: true, done: make(chan error, 1),
		fn: func(ctx context.Context, t *tx) error { return fn(ctx, t) }})
}

// Flush implements store.Resources. The commit it makes is synced, and with it
// all that stands before it in the log.
func (s *Store) Flush(ctx context.Context) error {
	return s.submit(&request{ctx: ctx, flush: true, done: make(chan error, 1)})
}
