package sqlite

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// tx is the writer's transaction as its members see it. Index rows are
// collected and written sorted: before something looks at the index, and
// before the commit.
type tx struct {
	writer  *writer
	ops     []sqldb.Op
	flushed int // of ops, how many are in the tables
	made    []madeName
}

type madeName struct {
	space sqldb.Space
	text  string
}

// mark is the state to go back to when a member fails. Rows of former members
// that were written inside the failed member's savepoint went with it, so
// flushed goes back too.
type mark struct{ ops, flushed, made int }

func (t *tx) mark() mark { return mark{len(t.ops), t.flushed, len(t.made)} }

func (t *tx) back(m mark) {
	t.ops, t.flushed = t.ops[:m.ops], m.flushed
	t.forget(m.made)
}

// forget takes names that were rolled back out of the cache.
func (t *tx) forget(from int) {
	for _, n := range t.made[from:] {
		t.writer.store.names.Forget(n.space, n.text)
	}
	t.made = t.made[:from]
}

func (t *tx) reset() {
	clear(t.ops)
	t.ops, t.flushed, t.made = t.ops[:0], 0, t.made[:0]
}

// Number implements sqldb.Namer. Numbers are not used again after a rollback.
func (t *tx) Number(space sqldb.Space, text string) (int64, error) {
	w := t.writer
	id, err := w.store.names.Find(context.Background(), w.conn, space, text)
	if err != nil || id != sqldb.Unknown {
		return id, err
	}
	w.name++
	if err := w.conn.run("INSERT INTO name (id, space, text) VALUES (?, ?, ?)", w.name, int64(space), text); err != nil {
		return 0, err
	}
	w.store.names.Add(space, text, w.name)
	t.made = append(t.made, madeName{space, text})
	return w.name, nil
}

// Put implements store.Tx.
func (t *tx) Put(ctx context.Context, writes []store.Write) ([]store.Record, error) {
	records := make([]store.Record, len(writes))
	ahead := t.indexAhead(writes)
	for i := range writes {
		var index *sqldb.Index
		if ahead != nil && ahead[i].Copy != nil {
			index = &ahead[i]
		}
		r, err := t.put(ctx, &writes[i], index)
		if err != nil {
			return nil, err
		}
		records[i] = r
	}
	return records, nil
}

// known numbers names that are in the cache; another goroutine than the
// writer's makes none.
type known struct{ names *sqldb.Names }

var errNewName = errors.New("sqlite: a name without a number")

func (k known) Number(space sqldb.Space, text string) (int64, error) {
	id, ok := k.names.Known(space, text)
	if !ok {
		return 0, errNewName
	}
	return id, nil
}

// indexAhead makes the rows of many writes on all cores. Those that need a new
// name are left for the writer.
func (t *tx) indexAhead(writes []store.Write) []sqldb.Index {
	const many = 64
	if len(writes) < many {
		return nil
	}
	made := make([]sqldb.Index, len(writes))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(writes)); i = next.Add(1) - 1 {
				if index, err := sqldb.NewIndex(known{t.writer.store.names}, writes[i].Index); err == nil {
					made[i] = index
				}
			}
		})
	}
	workers.Wait()
	return made
}

// put writes one resource; ahead is its index if that was made already.
func (t *tx) put(ctx context.Context, w *store.Write, ahead *sqldb.Index) (store.Record, error) {
	c := t.writer.conn
	current, err := t.writer.store.reader.Current(context.WithoutCancel(ctx), quiet{c}, w.Key)
	if err != nil {
		return store.Record{}, err
	}
	if w.Expect != store.Any && w.Expect != current.Version {
		return store.Record{}, &store.VersionError{Key: w.Key, Expect: w.Expect, Current: current.Version}
	}
	typeNumber, err := t.Number(sqldb.TypeSpace, string(w.Key.Type))
	if err != nil {
		return store.Record{}, err
	}
	deleted := w.Body.Packed == nil
	var index sqldb.Index
	switch {
	case deleted:
	case ahead != nil:
		index = *ahead
	default:
		if index, err = sqldb.NewIndex(t, w.Index); err != nil {
			return store.Record{}, err
		}
	}
	t.writer.seq++
	r := store.Record{
		Key: w.Key, Version: current.Version + 1, Seq: store.Seq(t.writer.seq), Updated: sqldb.Time(sqldb.Micros(w.Updated)),
		Method: w.Method, Release: w.Release, Deleted: deleted,
	}
	rid, updated, gone := current.RID, sqldb.Micros(w.Updated), boolean(deleted)
	if rid == 0 {
		rid = t.writer.seq
	}
	var body any
	if !deleted {
		body = w.Body.Packed
	}
	if err := c.run("INSERT INTO version (seq, rid, version, type, updated, deleted, method, release, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		t.writer.seq, rid, r.Version, typeNumber, updated, gone, w.Method, string(w.Release), body); err != nil {
		return r, err
	}
	if current.RID == 0 {
		err = c.run("INSERT INTO resource (rid, type, id, seq, version, updated, deleted, params, idx) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			rid, typeNumber, string(w.Key.ID), t.writer.seq, r.Version, updated, gone, index.Params, index.Copy)
	} else {
		err = c.run("UPDATE resource SET seq = ?, version = ?, updated = ?, deleted = ?, params = ?, idx = ? WHERE rid = ?",
			t.writer.seq, r.Version, updated, gone, index.Params, index.Copy, rid)
	}
	if err != nil {
		return r, err
	}
	return r, t.index(rid, &index, current.Copy)
}

// index replaces the rows of a resource.
func (t *tx) index(rid int64, index *sqldb.Index, former []byte) error {
	gone, come, err := index.Diff(former)
	if err != nil {
		return err
	}
	t.ops = sqldb.AppendOps(t.ops, rid, gone, come)
	return nil
}

// flush writes the collected rows.
func (t *tx) flush() error {
	if t.flushed == len(t.ops) {
		return nil
	}
	err := sqldb.ApplyOps(t.ops[t.flushed:], func(text string, args []any) error { return t.writer.conn.run(text, args...) })
	t.flushed = len(t.ops)
	return err
}

// Lock implements store.Tx. The one writer is exclusive anyway.
func (t *tx) Lock(context.Context, ...string) error { return nil }

// Require implements store.Tx.
func (t *tx) Require(ctx context.Context, keys []fhir.Key) error {
	var missing []fhir.Key
	versions, err := t.Versions(ctx, keys)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if v, ok := versions[k]; !ok || v.Deleted {
			missing = append(missing, k)
		}
	}
	if missing != nil {
		return &store.MissingError{Keys: missing}
	}
	return nil
}

// Read implements store.Reader.
func (t *tx) Read(ctx context.Context, key fhir.Key) (store.Record, error) {
	return t.writer.store.reader.Read(ctx, quiet{t.writer.conn}, key)
}

// ReadVersion implements store.Reader.
func (t *tx) ReadVersion(ctx context.Context, key fhir.Key, version int64) (store.Record, error) {
	return t.writer.store.reader.ReadVersion(ctx, quiet{t.writer.conn}, key, version)
}

// ReadMany implements store.Reader.
func (t *tx) ReadMany(ctx context.Context, keys []fhir.Key) ([]store.Record, error) {
	return t.writer.store.readMany(ctx, t.writer.conn, keys)
}

// Versions implements store.Reader.
func (t *tx) Versions(ctx context.Context, keys []fhir.Key) (map[fhir.Key]store.VersionInfo, error) {
	return t.writer.store.versions(ctx, t.writer.conn, keys)
}

// Search implements store.Reader.
func (t *tx) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	if err := t.flush(); err != nil {
		return store.Page{}, err
	}
	return t.writer.store.reader.Search(ctx, quiet{t.writer.conn}, q)
}

// Count implements store.Reader.
func (t *tx) Count(ctx context.Context, q *search.Query) (int64, error) {
	if err := t.flush(); err != nil {
		return 0, err
	}
	return t.writer.store.reader.Count(ctx, quiet{t.writer.conn}, q)
}

// Referrers implements store.Reader.
func (t *tx) Referrers(ctx context.Context, key fhir.Key, limit int) ([]fhir.Key, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	return t.writer.store.reader.Referrers(ctx, quiet{t.writer.conn}, key, limit)
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// quiet is a connection whose queries no context interrupts: watching one
// costs more than a short query, and an interrupted statement may take the
// whole group's transaction with it.
type quiet struct{ *conn }

func (q quiet) Query(_ context.Context, text string, args ...any) (sqldb.Rows, error) {
	return q.conn.Query(context.Background(), text, args...)
}
