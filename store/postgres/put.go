package postgres

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// writing is one Write on its way.
type writing struct {
	*store.Write
	typeNumber int64
	origin     int64
	index      *sqldb.Index
	packed     []byte // the body with the copy of the index
	left       []byte // of the index by a delete, nil if there is nothing
	place      int64  // in the transaction
	seq        int64  // once the transaction's id is known
	rid        int64
	version    int64
	former     []sqldb.Row // of the version before
	created    bool
	referred   bool  // by resources that are not written with it
	phrases    int64 // see knewPhrases
}

// writings prepares writes: it needs nothing of the transaction.
func (s *Store) writings(ctx context.Context, writes []store.Write) ([]writing, error) {
	phrases := s.phrases.Load()
	namer, err := s.name(ctx, func(yield func([]search.Entry) bool) {
		for i := range writes {
			if !yield(writes[i].Body.Index) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	all := make([]writing, len(writes))
	for i := range writes {
		w := &all[i]
		w.Write, w.phrases = &writes[i], phrases
		var err error
		if w.typeNumber, err = s.Number(sqldb.TypeSpace, string(w.Key.Type)); err != nil {
			return nil, err
		}
		if w.origin, err = s.Number(sqldb.OriginSpace, sqldb.Origin(w.Write)); err != nil {
			return nil, err
		}
		w.index = &sqldb.Index{}
		if w.deleted() {
			continue
		}
		if w.index, w.packed, err = s.names.Index(namer, s.packer, &w.Body); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// record is the metadata of the version that w makes.
func (w *writing) record() store.Record {
	return store.Record{
		Key: w.Key, Version: w.version + 1, Seq: store.Seq(w.seq), Updated: sqldb.Time(sqldb.Micros(w.Updated)),
		Method: w.Method, Release: w.Release, Deleted: w.deleted(),
	}
}

func (w *writing) deleted() bool { return w.Body.Packed == nil }

// Put implements store.Tx. What expects nothing is inserted at once, which
// decides between two that create the same resource; of the rest the rows are
// locked in the order of their keys. Everything else waits for the commit.
func (t *tx) Put(ctx context.Context, writes []store.Write) ([]store.Record, error) {
	if t.last+int64(len(writes)) >= perTransaction {
		return nil, errTooMany
	}
	prepared, err := t.store.writings(ctx, writes)
	if err != nil {
		return nil, err
	}
	var all, create, update []*writing
	for i := range prepared {
		w := &prepared[i]
		all = append(all, w)
		t.last++
		w.place = t.last
		if w.Expect == 0 {
			create = append(create, w)
		} else {
			update = append(update, w)
		}
	}
	if err := t.lockRows(ctx, update); err != nil {
		return nil, err
	}
	for _, w := range update {
		if w.version == 0 && w.Expect == store.Any {
			create = append(create, w)
		} else if w.Expect != store.Any && w.Expect != w.version {
			return nil, &store.VersionError{Key: w.Key, Expect: w.Expect, Current: w.version}
		}
	}
	if err := t.insertResources(ctx, create); err != nil {
		return nil, err
	}
	if err := t.resolveLost(ctx, create); err != nil {
		return nil, err
	}
	records := make([]store.Record, len(all))
	for i, w := range all {
		w.seq = t.id*perTransaction + t.store.base + w.place
		records[i] = w.record()
	}
	if err := t.finish(ctx, all); err != nil {
		return nil, err
	}
	return records, sqldb.Renumber(sqldb.PostgreSQL, writes, records, func(text string, args ...any) error {
		t.enqueue(text, args...)
		return nil
	})
}

// lockRows locks the resources of writes in the order of their keys and learns
// their current versions. With a delete among them it takes the stronger lock,
// which Require's does not go with.
func (t *tx) lockRows(ctx context.Context, writes []*writing) error {
	if len(writes) == 0 {
		return nil
	}
	types, ids, places := make([]int64, len(writes)), make([]string, len(writes)), make([]int64, len(writes))
	mode := "NO KEY UPDATE"
	for i, w := range writes {
		types[i], ids[i], places[i] = w.typeNumber, string(w.Key.ID), w.place
		if w.deleted() {
			mode = "UPDATE"
		}
	}
	done := t.inOrder(types, ids)
	current := make(map[int64]sqldb.Current, len(writes))
	err := sqldb.ForEach(ctx, t, `SELECT k.place, r.rid, r.version, r.seq, r.outline, r.idx, r.deleted, pg_current_xact_id()::text::bigint
		FROM unnest($1::integer[], $2::text[], $3::bigint[]) AS k (type, id, place)
		JOIN resource r ON r.type = k.type AND r.id = k.id ORDER BY r.type, r.id FOR `+mode+` OF r`,
		[]any{types, ids, places}, func(r sqldb.Rows) error {
			var place, deleted int64
			var c sqldb.Current
			err := r.Scan(&place, &c.RID, &c.Version, &c.Seq, &c.Outline, &c.Copy, &deleted, &t.id)
			c.Deleted = deleted != 0
			current[place] = c
			return err
		})
	done()
	if err != nil {
		return err
	}
	for _, w := range writes {
		c := current[w.place]
		w.rid, w.version = c.RID, c.Version
		if err = t.store.replacing(ctx, t, w, c); err != nil {
			return err
		}
	}
	return nil
}

// replacing notes the index rows of the version that w replaces, and those that stay of
// them if w is a delete.
func (s *Store) replacing(ctx context.Context, db sqldb.DB, w *writing, c sqldb.Current) (err error) {
	if w.former, err = s.reader.Former(ctx, db, c); err != nil || !w.deleted() {
		return err
	}
	index, err := s.reader.Leave(ctx, db, s, w.former)
	if w.index, w.left = &index, nil; index.Outline != 0 {
		w.left = index.Own()
	}
	return err
}

// insertResources inserts the rows of resources that did not exist. One that
// another transaction has inserted meanwhile is left with created unset.
func (t *tx) insertResources(ctx context.Context, writes []*writing) error {
	if len(writes) == 0 {
		return nil
	}
	n := len(writes)
	types, ids, places, updated, deleted := make([]int64, n), make([]string, n), make([]int64, n), make([]int64, n), make([]int64, n)
	outlines := make([]int64, n)
	byPlace := make(map[int64]*writing, n)
	for i, w := range writes {
		types[i], ids[i], places[i], updated[i] = w.typeNumber, string(w.Key.ID), w.place, sqldb.Micros(w.Updated)
		outlines[i] = w.index.Outline
		if w.deleted() {
			deleted[i] = 1
		}
		byPlace[w.place] = w
	}
	done := t.inOrder(types, ids)
	err := sqldb.ForEach(ctx, t, `INSERT INTO resource (rid, type, id, seq, version, updated, deleted, outline)
		SELECT x.first + k.place, k.type, k.id, x.first + k.place, 1, k.updated, k.deleted, k.outline
		FROM (SELECT pg_current_xact_id()::text::bigint * 1048576 + $7 AS first) x,
			unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[], $5::smallint[], $6::integer[])
				AS k (type, id, place, updated, deleted, outline)
		ORDER BY k.type, k.id
		ON CONFLICT (type, id) DO NOTHING
		RETURNING rid, (rid - $7) % 1048576, (rid - $7) / 1048576`,
		[]any{types, ids, places, updated, deleted, outlines, t.store.base}, func(r sqldb.Rows) error {
			var rid, place int64
			err := r.Scan(&rid, &place, &t.id)
			if w := byPlace[place]; w != nil {
				w.rid, w.created = rid, true
				t.know(rowKey{w.typeNumber, string(w.Key.ID)}, rid)
			}
			return err
		})
	done()
	return err
}

// insertNew queues the rows of resources that do not exist: another one that
// creates one of them as well fails, here or there.
func (t *tx) insertNew(writes []*writing) {
	n := len(writes)
	rids, types, updated := make([]int64, n), make([]int64, n), make([]int64, n)
	ids, outlines := make([]string, n), make([]int64, n)
	for i, w := range writes {
		rids[i], types[i], ids[i], updated[i] = w.rid, w.typeNumber, string(w.Key.ID), sqldb.Micros(w.Updated)
		outlines[i] = w.index.Outline
		t.know(rowKey{w.typeNumber, string(w.Key.ID)}, w.rid)
	}
	t.enqueue(`INSERT INTO resource (rid, type, id, seq, version, updated, deleted, outline)
		SELECT k.rid, k.type, k.id, k.rid, 1, k.updated, 0, k.outline
		FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bigint[], $5::integer[]) AS k (rid, type, id, updated, outline)`,
		rids, types, ids, updated, outlines)
}

// resolveLost deals with creates of what is there: it has a placeholder, or
// another transaction won, so that an expectation is broken or there is now a
// version to replace.
func (t *tx) resolveLost(ctx context.Context, creates []*writing) error {
	var lost []*writing
	for _, w := range creates {
		if !w.created {
			lost = append(lost, w)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	if err := t.lockRows(ctx, lost); err != nil {
		return err
	}
	for _, w := range lost {
		if w.rid != 0 && w.version == 0 {
			t.replace(w)
		} else if w.Expect == 0 || w.version == 0 {
			return &store.VersionError{Key: w.Key, Expect: w.Expect, Current: w.version}
		}
	}
	return nil
}

// finish queues the versions, the new state of resources that existed, and the
// changes of the index.
func (t *tx) finish(ctx context.Context, all []*writing) error {
	n := len(all)
	seqs, rids, versions, types, updated, deleted := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	origins, bodies := make([]int64, n), make([][]byte, n)
	var changed struct {
		rids, seqs, versions, updated, deleted, outlines []int64
		left                                             [][]byte
	}
	for i, w := range all {
		seqs[i], rids[i], versions[i] = w.seq, w.rid, w.version+1
		types[i], updated[i], origins[i], bodies[i] = w.typeNumber, sqldb.Micros(w.Updated), w.origin, w.packed
		if w.deleted() {
			deleted[i] = 1
		}
		gone, come := w.index.Diff(w.former)
		t.knewPhrases(w.phrases)
		t.ops = sqldb.AppendOps(t.ops, w.rid, gone, come)
		if !w.created {
			c := &changed
			c.rids, c.seqs, c.versions, c.updated = append(c.rids, w.rid), append(c.seqs, seqs[i]), append(c.versions, versions[i]), append(c.updated, updated[i])
			c.deleted, c.outlines = append(c.deleted, deleted[i]), append(c.outlines, w.index.Outline)
			c.left = append(c.left, w.left)
		}
	}
	if n >= copiedVersions {
		columns := []string{"seq", "rid", "version", "type", "updated", "deleted", "origin", "body"}
		err := t.copyRows(ctx, "version", columns, n, func(dst []any, i int) []any {
			return append(dst, seqs[i], rids[i], versions[i], types[i], updated[i], deleted[i], origins[i], bodies[i])
		})
		if err != nil {
			return err
		}
	} else {
		t.enqueue(`INSERT INTO version (seq, rid, version, type, updated, deleted, origin, body)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::smallint[], $7::integer[], $8::bytea[])`,
			seqs, rids, versions, types, updated, deleted, origins, bodies)
	}
	if c := &changed; len(c.rids) > 0 {
		t.enqueue(`UPDATE resource r SET seq = k.seq, version = k.version, updated = k.updated, deleted = k.deleted, outline = k.outline, idx = k.idx
			FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::smallint[], $6::integer[], $7::bytea[])
				AS k (rid, seq, version, updated, deleted, outline, idx) WHERE r.rid = k.rid`,
			c.rids, c.seqs, c.versions, c.updated, c.deleted, c.outlines, c.left)
	}
	return nil
}
