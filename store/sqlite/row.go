package sqlite

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// row is what a write puts into the tables.
type row struct {
	typeNumber, origin, updated, deleted int64
	index                                *sqldb.Index
	body                                 any // nil for a delete
}

func (t *tx) row(w *store.Write) (x row, err error) {
	x.updated = sqldb.Micros(w.Updated)
	if x.typeNumber, err = t.Number(sqldb.TypeSpace, string(w.Key.Type)); err != nil {
		return x, err
	}
	if x.origin, err = t.Number(sqldb.OriginSpace, sqldb.Origin(w)); err != nil {
		return x, err
	}
	if w.Body.Packed == nil {
		x.deleted, x.index = 1, &sqldb.Index{}
		return x, nil
	}
	s := t.writer.store
	index, packed, err := s.names.Index(t, s.packer, &w.Body)
	x.index, x.body = index, packed
	return x, err
}

// resource appends the columns of a new resource.
func (x *row) resource(args []any, w *store.Write, rid int64) []any {
	return append(args, rid, x.typeNumber, string(w.Key.ID), rid, int64(1), x.updated, x.deleted, x.index.Outline)
}

// version appends the columns of a version.
func (x *row) version(args []any, seq, rid, version int64) []any {
	return append(args, seq, rid, version, x.typeNumber, x.updated, x.deleted, x.origin, x.body)
}

func (x *row) record(w *store.Write, seq, version int64) store.Record {
	return store.Record{
		Key: w.Key, Version: version, Seq: store.Seq(seq), Updated: sqldb.Time(x.updated),
		Method: w.Method, Release: w.Release, Deleted: x.deleted != 0,
	}
}

// chunks are the numbers of rows that the statements below may have.
var chunks = [...]int{32, 8, 4, 1}

var (
	insertResource = statements("INSERT OR FAIL INTO resource (rid, type, id, seq, version, updated, deleted, outline) VALUES ",
		"(?, ?, ?, ?, ?, ?, ?, ?)", " ON CONFLICT (type, id) DO NOTHING")
	insertVersion = statements("INSERT OR FAIL INTO version (seq, rid, version, type, updated, deleted, origin, body) VALUES ",
		"(?, ?, ?, ?, ?, ?, ?, ?)", "")
)

func statements(begin, one, end string) map[int]string {
	m := make(map[int]string, len(chunks))
	for _, n := range chunks {
		m[n] = begin + one + strings.Repeat(", "+one, n-1) + end
	}
	return m
}

// together is how many of the first writes can be inserted by one statement:
// those that are to be new.
func together(writes []store.Write) int {
	n := 0
	for n < min(len(writes), chunks[0]) && writes[n].Expect == 0 {
		n++
	}
	for _, size := range chunks {
		if n >= size {
			return size
		}
	}
	return 0
}

// createMany inserts as many resources as a statement has rows, without
// looking first: when one is there already, fewer are inserted.
func (t *tx) createMany(writes []store.Write) ([]store.Record, error) {
	c, first := t.writer.conn, t.writer.seq+1
	rows := make([]row, len(writes))
	args := make([]any, 0, 8*len(writes))
	for i := range writes {
		var err error
		if rows[i], err = t.row(&writes[i]); err != nil {
			return nil, err
		}
		args = rows[i].resource(args, &writes[i], first+int64(i))
	}
	n, err := c.Exec(context.Background(), insertResource[len(writes)], args...)
	if err != nil {
		return nil, err
	}
	if n < int64(len(writes)) {
		if n == 0 {
			c.writes-- // nothing to undo
		}
		if err := t.insertOthers(writes, rows, first); err != nil {
			return nil, err
		}
	}
	records := make([]store.Record, len(writes))
	args = args[:0]
	for i := range writes {
		rid := first + int64(i)
		args = rows[i].version(args, rid, rid, 1)
		records[i] = rows[i].record(&writes[i], rid, 1)
		t.writer.rids.put(target{rows[i].typeNumber, string(writes[i].Key.ID)}, rid)
		t.index(rid, rows[i].index, nil)
	}
	t.writer.seq += int64(len(writes))
	return records, c.run(insertVersion[len(writes)], args...)
}

// insertOthers inserts what createMany could not: resources that have
// placeholders. It fails when one was there already.
func (t *tx) insertOthers(writes []store.Write, rows []row, first int64) error {
	for i := range writes {
		rid := first + int64(i)
		current, err := t.writer.store.reader.Current(context.Background(), quiet{t.writer.conn}, writes[i].Key)
		switch {
		case err != nil:
			return err
		case current.RID == rid:
			continue
		case current.Version > 0:
			return &store.VersionError{Key: writes[i].Key, Expect: 0, Current: current.Version}
		}
		if err := t.replace(writes[i].Key.Type, current.RID, rid); err != nil {
			return err
		}
		if err := t.writer.conn.run(insertResource[1], rows[i].resource(nil, &writes[i], rid)...); err != nil {
			return err
		}
	}
	return nil
}
