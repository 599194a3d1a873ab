package postgres

import (
	"context"
	"sync"

	"github.com/inglehealth/ingle/store/sqldb"
)

const readEpoch = "SELECT value FROM counter WHERE name = 'epoch'"

// epochs has all who ask for the epoch while a query for it waits to be sent share that
// query: each learns what holds at a moment after asking.
type epochs struct {
	mu   sync.Mutex
	next *asked // that was not sent yet; nil for none
}

// Epoch implements store.Identity. It shares round trips with short queries.
func (s *Store) Epoch(ctx context.Context) (int64, error) {
	return read(s, func(db pool) (n int64, err error) {
		a, first := s.epochs.join()
		if first {
			select {
			case s.asking <- a:
			case <-ctx.Done():
				s.epochs.sent(a)
				a.err = ctx.Err() // those who joined ask alone
				close(a.done)
				return 0, a.err
			}
		}
		select {
		case <-a.done:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		value := func(r sqldb.Rows) error { return r.Scan(&n) }
		if a.err != nil {
			return n, sqldb.ForEach(ctx, db, readEpoch, nil, value)
		}
		rows := a.rows // by each from its beginning
		for rows.Next() && err == nil {
			err = value(&rows)
		}
		return n, err
	})
}

// join is the query that was not sent yet; who is the first to ask for it has it sent.
func (e *epochs) join() (a *asked, first bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.next != nil {
		return e.next, false
	}
	a = &asked{text: readEpoch, done: make(chan struct{})}
	a.sent = func() { e.sent(a) }
	e.next = a
	return a, true
}

// sent lets nobody join a query any more.
func (e *epochs) sent(a *asked) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.next == a {
		e.next = nil
	}
}
