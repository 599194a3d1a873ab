package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// tx is a transaction under way. Statements without a result wait until one
// with a result is sent, or the commit: then all go in one round trip. A
// create is two round trips, begin with the insert that decides, and
// everything else with commit.
type tx struct {
	store   *Store
	conn    *pgxpool.Conn
	queue   pgx.Batch
	begun   bool
	last    int64 // place of the last version written
	id      int64 // of the transaction, once known
	ops     []sqldb.Op
	phrases int64            // see knewPhrases
	rids    map[rowKey]int64 // of resources that this transaction made or locked
	attempt int              // counts from 1; later ones wait longer for a lock out of order
	// The greatest key locked so far.
	lockedType int64
	lockedID   string
}

// attempts is how often a transaction that met others runs in all; from
// patient on, those that run again take turns.
const (
	attempts = 20
	patient  = 3
)

// Write implements store.Resources.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	for range rejoins {
		err := newMember(ctx, s).run(fn)
		if errors.Is(err, errAlone) {
			break
		}
		if !errors.Is(err, errAgain) {
			return translate(err)
		}
	}
	return s.run(ctx, func(ctx context.Context, t *tx) error { return fn(ctx, t) })
}

// Import implements store.Resources. Commits are synced like those of Write:
// a change that the feed has shown must survive a crash of the server, and a
// batch spreads the cost of its sync over many resources.
func (s *Store) Import(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return fn(ctx, t) })
}

// Flush implements store.Resources: every Import is durable when it returns.
func (s *Store) Flush(context.Context) error { return nil }

// do runs fn in a transaction until it commits or fails for good.
func (s *Store) do(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	return s.run(ctx, fn)
}

func (s *Store) run(ctx context.Context, fn func(ctx context.Context, t *tx) error) error {
	for attempt := 1; ; attempt++ {
		unsent, err := s.once(ctx, attempt, fn)
		if isPhrasesRemoved(err) {
			if err := s.learnPhrases(ctx); err != nil {
				return translate(err)
			}
		}
		switch {
		case conflicted(err) && attempt < attempts:
		case away(err) && unsent && attempt < patient:
			s.pool.Reset()
		default:
			return translate(err)
		}
		pause := time.Duration(rand.Int64N(int64(attempt) * int64(4*time.Millisecond))) //nolint:gosec // any pause will do
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// once runs fn in a transaction; unsent says that the commit was not sent.
func (s *Store) once(ctx context.Context, attempt int, fn func(ctx context.Context, t *tx) error) (unsent bool, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return true, err
	}
	t := &tx{store: s, conn: conn, attempt: attempt}
	finished := false
	defer func() {
		if !finished {
			t.rollback()
		}
		conn.Release()
	}()
	if attempt >= patient {
		t.enqueue("SELECT pg_advisory_xact_lock($1)", s.lockKey("turn"))
	}
	if err := fn(ctx, t); err != nil {
		return true, err
	}
	if err := t.commit(ctx); err != nil {
		return false, err
	}
	finished = true
	return false, nil
}

// rollback gives the connection back clean. What cannot be rolled back is
// closed, and the server rolls it back.
func (t *tx) rollback() {
	if !t.begun {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := t.conn.Exec(ctx, "ROLLBACK"); err != nil {
		_ = t.conn.Conn().Close(ctx)
	}
}

// commit sends what is waiting and ends the transaction. A transaction that
// did nothing is not begun.
func (t *tx) commit(ctx context.Context) error {
	if err := t.writeIndex(ctx); err != nil {
		return err
	}
	if !t.begun && t.queue.Len() == 0 {
		return nil
	}
	t.queue.Queue("COMMIT")
	err := t.send(ctx)
	if err == nil {
		t.store.commits.Add(1)
	}
	return err
}

// begin makes sure that the transaction begins with what is sent next.
func (t *tx) begin() {
	if !t.begun && t.queue.Len() == 0 {
		t.queue.Queue("BEGIN")
	}
}

func (t *tx) enqueue(text string, args ...any) {
	t.begin()
	t.queue.Queue(text, args...)
}

// send sends what is waiting and checks the results.
func (t *tx) send(ctx context.Context) error {
	if t.queue.Len() == 0 {
		return nil
	}
	t.begun = true
	n := t.queue.Len()
	results := t.conn.SendBatch(ctx, &t.queue)
	var err error
	for range n {
		var tag pgconn.CommandTag
		if tag, err = results.Exec(); err != nil {
			break
		}
		if tag.String() == "ROLLBACK" {
			err = errRolledBack
			break
		}
	}
	err = errors.Join(err, results.Close())
	t.queue = pgx.Batch{}
	return err
}

// Query implements sqldb.DB: it sends what is waiting and the query behind it.
func (t *tx) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	if err := tooLong(text); err != nil {
		return nil, err
	}
	t.enqueue(text, args...)
	t.begun = true
	n := t.queue.Len()
	batch := t.queue
	t.queue = pgx.Batch{}
	results := t.conn.SendBatch(ctx, &batch)
	for range n - 1 {
		if _, err := results.Exec(); err != nil {
			return nil, errors.Join(err, results.Close())
		}
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return &batchRows{Rows: rows, results: results}, nil
}

// Exec implements sqldb.Execer.
func (t *tx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	rows, err := t.Query(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	rows.Close()
	return rows.(*batchRows).CommandTag().RowsAffected(), rows.Err()
}

// batchRows are the rows of a batch's last query; closing them ends the batch.
type batchRows struct {
	pgx.Rows
	results pgx.BatchResults
	err     error
	closed  bool
}

// Close implements sqldb.Rows.
func (r *batchRows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	r.Rows.Close()
	r.err = r.results.Close()
}

// Err implements sqldb.Rows.
func (r *batchRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

// Lock implements store.Tx: advisory locks, taken in one order by everybody.
func (t *tx) Lock(_ context.Context, names ...string) error {
	keys := make([]int64, len(names))
	for i, n := range names {
		keys[i] = t.store.lockKey("name\x00" + n)
	}
	slices.Sort(keys)
	for _, k := range slices.Compact(keys) {
		t.enqueue("SELECT pg_advisory_xact_lock($1)", k)
	}
	return nil
}

// Require implements store.Tx. The lock on the rows lets others write new
// versions of them but not delete them.
func (t *tx) Require(ctx context.Context, keys []fhir.Key) error {
	if len(keys) == 0 {
		return nil
	}
	types, ids, err := t.store.keyColumns(ctx, keys)
	if err != nil {
		return err
	}
	sorted := keyArrays{slices.Clone(types), slices.Clone(ids)}
	sorted.sort()
	have := make(map[rowKey]bool, len(sorted.ids))
	done := t.inOrder(sorted.types, sorted.ids)
	err = sqldb.ForEach(ctx, t, `SELECT k.type::bigint, k.id, r.rid FROM unnest($1::integer[], $2::text[]) AS k (type, id)
		CROSS JOIN LATERAL (SELECT r.rid FROM resource r WHERE r.type = k.type AND r.id = k.id AND r.deleted = 0 FOR KEY SHARE) r`,
		[]any{sorted.types, sorted.ids}, func(r sqldb.Rows) error {
			var k rowKey
			var rid int64
			err := r.Scan(&k.t, &k.id, &rid)
			have[k] = true
			t.know(k, rid)
			return err
		})
	done()
	if err != nil {
		return err
	}
	var missing []fhir.Key
	for i, k := range keys {
		if !have[rowKey{types[i], ids[i]}] {
			missing = append(missing, k)
		}
	}
	if missing != nil {
		return &store.MissingError{Keys: missing}
	}
	return nil
}

// inOrder prepares for locking rows of these keys. Transactions that lock in
// the order of keys cannot wait for each other in a circle. One that has to
// lock a key below those it holds waits only a moment, then runs again: that
// is cheaper than the server's search for deadlocks, which begins after a
// second. The caller calls done after the statement that locks.
func (t *tx) inOrder(types []int64, ids []string) (done func()) {
	heldType, heldID := t.lockedType, t.lockedID
	below := false
	for i, id := range ids {
		if types[i] < heldType || types[i] == heldType && id <= heldID {
			below = true
		}
		if types[i] > t.lockedType || types[i] == t.lockedType && id > t.lockedID {
			t.lockedType, t.lockedID = types[i], id
		}
	}
	if !below {
		return func() {}
	}
	t.enqueue("SET LOCAL lock_timeout = " + strconv.Itoa(20+t.attempt*t.attempt*4))
	return func() { t.enqueue("SET LOCAL lock_timeout = 0") }
}

// Read implements store.Reader.
func (t *tx) Read(ctx context.Context, key fhir.Key) (store.Record, error) {
	return t.store.reader.Read(ctx, t, key)
}

// ReadVersion implements store.Reader.
func (t *tx) ReadVersion(ctx context.Context, key fhir.Key, version int64) (store.Record, error) {
	return t.store.reader.ReadVersion(ctx, t, key, version)
}

// ReadMany implements store.Reader.
func (t *tx) ReadMany(ctx context.Context, keys []fhir.Key) ([]store.Record, error) {
	return t.store.readMany(ctx, t, keys)
}

// Versions implements store.Reader.
func (t *tx) Versions(ctx context.Context, keys []fhir.Key) (map[fhir.Key]store.VersionInfo, error) {
	return t.store.versions(ctx, t, keys)
}

// Search implements store.Reader.
func (t *tx) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	if err := t.writeIndex(ctx); err != nil {
		return store.Page{}, err
	}
	return sqldb.WithLists(func() (store.Page, error) { return t.store.reader.Search(ctx, t, q) },
		func(l *search.CodeList) error { return t.store.reader.KeepList(ctx, t, t.store, l) })
}

// Count implements store.Reader.
func (t *tx) Count(ctx context.Context, q *search.Query) (int64, error) {
	if err := t.writeIndex(ctx); err != nil {
		return 0, err
	}
	return sqldb.WithLists(func() (int64, error) { return t.store.reader.Count(ctx, t, q) },
		func(l *search.CodeList) error { return t.store.reader.KeepList(ctx, t, t.store, l) })
}

// Referrers implements store.Reader.
func (t *tx) Referrers(ctx context.Context, key fhir.Key, limit int) ([]fhir.Key, error) {
	if err := t.writeIndex(ctx); err != nil {
		return nil, err
	}
	return t.store.reader.Referrers(ctx, t, key, limit)
}

// Lost implements store.Tx.
func (t *tx) Lost(ctx context.Context, key fhir.Key) ([]fhir.Key, error) {
	if err := t.writeIndex(ctx); err != nil {
		return nil, err
	}
	return t.store.reader.Lost(ctx, t, key)
}
