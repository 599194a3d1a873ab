package sqlite

import (
	"context"
	"strings"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/sqldb"
)

// target is the key of a resource, as rows have it.
type target struct {
	typeNumber int64
	id         string
}

// rids remembers the rows of resources, so that a batch need not look for each
// one that it refers to: those used lately, at least maxRIDs and at most twice
// as many.
type rids struct{ young, old map[target]int64 }

const maxRIDs = 16_384

func (r *rids) get(t target) (int64, bool) {
	rid, ok := r.young[t]
	if !ok {
		if rid, ok = r.old[t]; ok {
			r.put(t, rid)
		}
	}
	return rid, ok
}

func (r *rids) put(t target, rid int64) {
	if r.young == nil || len(r.young) >= maxRIDs {
		r.young, r.old = make(map[target]int64), r.young
	}
	t.id = strings.Clone(t.id) // the text it is a part of may be long
	r.young[t] = rid
}

// forget empties the memory, when rows are gone.
func (r *rids) forget() { *r = rids{} }

// resolve gives the references among ops their targets. What does not exist
// gets a placeholder.
func (w *writer) resolve(ops []sqldb.Op) error {
	for i := range ops {
		o := &ops[i]
		if o.Table != sqldb.ReferenceTable {
			continue
		}
		to := target{o.System, o.Text}
		rid, ok := w.rids.get(to)
		if !ok {
			var err error
			if rid, err = w.row(to); err != nil {
				return err
			}
			w.rids.put(to, rid)
		}
		o.Target = rid
	}
	return nil
}

func (w *writer) row(to target) (rid int64, err error) {
	err = sqldb.ForEach(context.Background(), w.conn, "SELECT rid FROM resource WHERE type = ? AND id = ?", []any{to.typeNumber, to.id},
		func(r sqldb.Rows) error { return r.Scan(&rid) })
	if rid != 0 || err != nil {
		return rid, err
	}
	w.seq++
	return w.seq, w.conn.run("INSERT INTO resource (rid, type, id, seq, version, updated, deleted, outline) VALUES (?, ?, ?, 0, 0, 0, 1, 0)",
		w.seq, to.typeNumber, to.id)
}

// replace makes the references to a placeholder of a type those to the resource rid, a
// new row in the order of creation.
func (t *tx) replace(typeName fhir.Type, placeholder, rid int64) error {
	if err := t.changing(); err != nil {
		return err
	}
	if typeName == patientType {
		t.regoverned.moved(placeholder, rid)
	}
	if err := t.writer.conn.run("DELETE FROM resource WHERE rid = ?", placeholder); err != nil {
		return err
	}
	if err := t.writer.conn.run("UPDATE governed SET patient = ? WHERE patient = ?", rid, placeholder); err != nil {
		return err
	}
	return t.writer.conn.run("UPDATE reference SET target = ? WHERE target = ?", rid, placeholder)
}
