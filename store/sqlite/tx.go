package sqlite

import (
	"context"
	"errors"
	"strings"

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
	words   []phraseWords
	indexed int // of words, how many are in the full text index
	member  member
	raises  bool // the epoch, at the commit

	regoverned regoverned
}

// phraseWords is a new phrase that the full text index does not have yet: that
// writes what it has collected at every savepoint.
type phraseWords struct {
	id    int64
	words string
}

type madeName struct {
	space sqldb.Space
	text  string
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
	clear(t.words)
	t.words, t.indexed, t.raises, t.regoverned = t.words[:0], 0, false, regoverned{}
}

// Number implements sqldb.Namer. Numbers are not used again after a rollback.
func (t *tx) Number(space sqldb.Space, text string) (int64, error) {
	w := t.writer
	id, err := w.store.names.Find(context.Background(), w.conn, space, text)
	if err != nil || id != sqldb.Unknown {
		return id, err
	}
	w.name++
	table, columns, values := space.Stored(text)
	if space.IsPhrase() {
		columns, values = []string{"hash", "norm"}, append(values, space.Norm(text))
		t.words = append(t.words, phraseWords{w.name, space.Words(text)})
	}
	if err := w.conn.run("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+", id) VALUES (?"+strings.Repeat(", ?", len(columns))+")", append(values, w.name)...); err != nil {
		return 0, err
	}
	w.store.names.Add(space, text, w.name)
	t.made = append(t.made, madeName{space, text})
	return w.name, nil
}

// Put implements store.Tx.
func (t *tx) Put(_ context.Context, writes []store.Write) ([]store.Record, error) {
	all := writes
	records := make([]store.Record, 0, len(writes))
	for len(writes) > 0 {
		if n := together(writes); n > 1 {
			created, err := t.createMany(writes[:n])
			if err != nil {
				return nil, err
			}
			records, writes = append(records, created...), writes[n:]
			continue
		}
		r, err := t.put(&writes[0])
		if err != nil {
			return nil, err
		}
		records, writes = append(records, r), writes[1:]
	}
	return records, sqldb.Renumber(sqldb.SQLite, all, records, t.writer.conn.run)
}

// put writes one resource. One that is to be new is inserted without looking
// first: what is there already says so.
func (t *tx) put(w *store.Write) (store.Record, error) {
	x, err := t.row(w)
	if err != nil {
		return store.Record{}, err
	}
	if w.Expect == 0 {
		if r, created, err := t.create(w, &x); created || err != nil {
			return r, err
		}
	}
	current, err := t.writer.store.reader.Current(context.Background(), quiet{t.writer.conn}, w.Key)
	if err != nil {
		return store.Record{}, err
	}
	if w.Expect != store.Any && w.Expect != current.Version {
		return store.Record{}, &store.VersionError{Key: w.Key, Expect: w.Expect, Current: current.Version}
	}
	if current.Version == 0 {
		if current.RID != 0 {
			if err := t.replace(w.Key.Type, current.RID, t.writer.seq+1); err != nil {
				return store.Record{}, err
			}
		}
		r, _, err := t.create(w, &x)
		return r, err
	}
	former, err := t.writer.store.reader.Former(context.Background(), quiet{t.writer.conn}, current)
	if err != nil {
		return store.Record{}, err
	}
	var left any
	if x.deleted != 0 {
		index, err := t.writer.store.reader.Leave(context.Background(), quiet{t.writer.conn}, t, former)
		if err != nil {
			return store.Record{}, err
		}
		if x.index = &index; index.Outline != 0 {
			left = index.Own()
		}
	}
	if err := t.changing(); err != nil {
		return store.Record{}, err
	}
	r, err := t.version(w, &x, current.RID, current.Version+1)
	if err != nil {
		return r, err
	}
	if err := t.writer.conn.run("UPDATE resource SET seq = ?, version = ?, updated = ?, deleted = ?, outline = ?, idx = ? WHERE rid = ?",
		int64(r.Seq), r.Version, x.updated, x.deleted, x.index.Outline, left, current.RID); err != nil {
		return r, err
	}
	t.index(current.RID, x.index, former)
	return r, nil
}

// create inserts a resource; created is false when there is one.
func (t *tx) create(w *store.Write, x *row) (r store.Record, created bool, err error) {
	rid := t.writer.seq + 1
	n, err := t.writer.conn.Exec(context.Background(), insertResource[1], x.resource(nil, w, rid)...)
	if err != nil {
		return r, false, err
	}
	if n == 0 {
		t.writer.conn.writes-- // nothing to undo
		return r, false, nil
	}
	t.writer.rids.put(target{x.typeNumber, string(w.Key.ID)}, rid)
	if r, err = t.version(w, x, rid, 1); err != nil {
		return r, true, err
	}
	t.index(rid, x.index, nil)
	return r, true, nil
}

// version appends a version.
func (t *tx) version(w *store.Write, x *row, rid, version int64) (store.Record, error) {
	t.writer.seq++
	return x.record(w, t.writer.seq, version), t.writer.conn.run(insertVersion[1], x.version(nil, t.writer.seq, rid, version)...)
}

// index replaces the rows of a resource.
func (t *tx) index(rid int64, index *sqldb.Index, former []sqldb.Row) {
	gone, come := index.Diff(former)
	t.ops = sqldb.AppendOps(t.ops, rid, gone, come)
}

// flush writes the collected rows. By now the resources that they refer to are
// in the tables, if they are written together.
func (t *tx) flush() error {
	if t.flushed == len(t.ops) && t.indexed == len(t.words) {
		return nil
	}
	if err := errors.Join(t.changing(), t.flushWords()); err != nil {
		return err
	}
	if err := t.writer.resolve(t.ops[t.flushed:]); err != nil {
		return err
	}
	err := sqldb.ApplyOps(t.ops[t.flushed:], func(text string, args []any) error { return t.writer.conn.run(text, args...) })
	t.flushed = len(t.ops)
	return err
}

func (t *tx) flushWords() error {
	for ; t.indexed < len(t.words); t.indexed++ {
		w := &t.words[t.indexed]
		if err := t.writer.conn.run("INSERT INTO phrase_word (rowid, words) VALUES (?, ?)", w.id, w.words); err != nil {
			return err
		}
	}
	return nil
}

// Hold implements store.Tx. Only the one writer changes settings.
func (t *tx) Hold(ctx context.Context, s store.Setting) error {
	return settings.Hold(ctx, quiet{t.writer.conn}, s)
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

// Lost implements store.Tx.
func (t *tx) Lost(ctx context.Context, key fhir.Key) ([]fhir.Key, error) {
	if err := t.flush(); err != nil {
		return nil, err
	}
	return t.writer.store.reader.Lost(ctx, quiet{t.writer.conn}, key)
}

// Govern implements store.Tx.
func (t *tx) Govern(ctx context.Context, patient fhir.ID, spans []store.PolicySpan) error {
	if err := errors.Join(t.flush(), t.changing()); err != nil {
		return err
	}
	typeNumber, err := t.Number(sqldb.TypeSpace, patientType)
	if err != nil {
		return err
	}
	made, err := policies.Govern(ctx, quiet{t.writer.conn}, typeNumber, patient, spans)
	t.raises = t.raises || made
	t.regoverned.patient(sqldb.Clean(string(patient)))
	return err
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
	return sqldb.WithLists(func() (store.Page, error) { return t.writer.store.reader.Search(ctx, t.writer.conn, q) },
		func(l *search.CodeList) error { return t.keepList(ctx, l) })
}

// Count implements store.Reader.
func (t *tx) Count(ctx context.Context, q *search.Query) (int64, error) {
	if err := t.flush(); err != nil {
		return 0, err
	}
	return sqldb.WithLists(func() (int64, error) { return t.writer.store.reader.Count(ctx, t.writer.conn, q) },
		func(l *search.CodeList) error { return t.keepList(ctx, l) })
}

// Referrers implements store.Reader. Most deletes are of what nothing new
// refers to, so that they need no flush.
func (t *tx) Referrers(ctx context.Context, key fhir.Key, limit int) ([]fhir.Key, error) {
	if typeNumber, ok := t.writer.store.names.Known(sqldb.TypeSpace, string(key.Type)); !ok || sqldb.Refers(t.ops[t.flushed:], typeNumber, string(key.ID)) {
		if err := t.flush(); err != nil {
			return nil, err
		}
	}
	return t.writer.store.reader.Referrers(ctx, quiet{t.writer.conn}, key, limit)
}

// quiet is a connection whose queries no context interrupts: watching one
// costs more than a short query. Searches are watched, since they may be long;
// an interrupted SELECT leaves the group's transaction as it was.
type quiet struct{ *conn }

func (q quiet) Query(_ context.Context, text string, args ...any) (sqldb.Rows, error) {
	return q.conn.Query(context.Background(), text, args...)
}

// RaiseEpoch implements store.Tx.
func (t *tx) RaiseEpoch(context.Context) error {
	t.raises = true
	return nil
}

// AppendAudit implements store.Tx: the log is a file of its own.
func (t *tx) AppendAudit(context.Context, []byte) error { return errors.ErrUnsupported }

// PutItems implements store.Tx.
func (t *tx) PutItems(ctx context.Context, changes ...store.ItemChange) error {
	return items.Write(ctx, quiet{t.writer.conn}, changes)
}
