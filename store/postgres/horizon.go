package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/inglehealth/ingle/store"
)

// holdup is the oldest transaction that runs, and since when it was seen to be that.
type holdup struct {
	mu     sync.Mutex
	oldest int64
	since  time.Time
}

// shortly is how long the feed waits for a transaction without asking whose it is.
const shortly = 200 * time.Millisecond

// lasts says whether a transaction has been the oldest one for some time.
func (h *holdup) lasts(oldest int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.oldest != oldest {
		h.oldest, h.since = oldest, time.Now()
	}
	return time.Since(h.since) > shortly
}

// unsettled is the oldest transaction that may still write to the database; all before it
// have ended. A snapshot names those of the other databases of the cluster as well: when
// one of them lasts, it is passed over.
func (s *Store) unsettled(ctx context.Context) (int64, error) {
	var oldest, next int64
	err := s.pool.QueryRow(ctx, `SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint
		FROM pg_current_snapshot() AS s`).Scan(&oldest, &next)
	if err != nil || oldest == next || !s.holdup.lasts(oldest) {
		return oldest, err
	}
	// Who is not known to be elsewhere counts: one that ended after the snapshot was
	// taken. One that was prepared has no process.
	err = s.pool.QueryRow(ctx, `SELECT coalesce((SELECT min(x::text::bigint) FROM pg_snapshot_xip(s) AS x WHERE NOT EXISTS (
			SELECT FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
			WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted
				AND l.transactionid::text::bigint = x::text::bigint & 4294967295
				AND a.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())) AND NOT EXISTS (
			SELECT FROM pg_prepared_xacts p
			WHERE p.transaction::text::bigint = x::text::bigint & 4294967295 AND p.database <> current_database())), pg_snapshot_xmax(s)::text::bigint)
		FROM pg_current_snapshot() AS s`).Scan(&oldest)
	return oldest, err
}

// horizon is a Seq at and below which nothing can appear any more.
func (s *Store) horizon(ctx context.Context) (int64, error) {
	oldest, err := s.unsettled(ctx)
	return oldest*perTransaction + s.base, err
}

// Mark implements store.Resources.
func (s *Store) Mark(ctx context.Context) (store.Seq, error) {
	return read(s, func(pool) (store.Seq, error) {
		var next int64
		err := s.pool.QueryRow(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").Scan(&next)
		return store.Seq(next*perTransaction + s.base), err
	})
}

// Settle implements store.Resources.
func (s *Store) Settle(ctx context.Context, mark store.Seq) error {
	for wait := time.Millisecond; ; wait = min(2*wait, shortly) {
		until, err := read(s, func(pool) (int64, error) { return s.horizon(ctx) })
		if err != nil || store.Seq(until) >= mark {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
