package postgres

import (
	"context"
	"iter"

	"github.com/inglehealth/ingle/store/sqldb"
)

// know remembers the row of a resource that the transaction made or locked.
func (t *tx) know(k rowKey, rid int64) {
	if t.rids == nil {
		t.rids = map[rowKey]int64{}
	}
	t.rids[k] = rid
}

// targets are what the new version of w refers to.
func (w *writing) targets() iter.Seq[rowKey] {
	return func(yield func(rowKey) bool) {
		for i := range w.index.Rows {
			r := &w.index.Rows[i]
			if r.Table == sqldb.ReferenceTable && !yield(rowKey{r.System, r.Text}) {
				return
			}
		}
	}
}

// resolve gives the references among the collected changes their targets, and
// locks these. What does not exist gets a placeholder.
func (t *tx) resolve(ctx context.Context) error {
	var missing keyArrays
	for i := range t.ops {
		o := &t.ops[i]
		if o.Table != sqldb.ReferenceTable {
			continue
		}
		if to := (rowKey{o.System, o.Text}); t.rids[to] == 0 {
			missing.add(to.t, to.id)
		}
	}
	// Another transaction may insert a row, or remove a placeholder, between
	// two of these statements.
	for range attempts {
		if !missing.sort() {
			break
		}
		if err := t.lockTargets(ctx, &missing); err != nil {
			return err
		}
		if len(missing.ids) == 0 {
			break
		}
		if err := t.insertPlaceholders(ctx, &missing); err != nil {
			return err
		}
	}
	if len(missing.ids) > 0 {
		return errChanging
	}
	for i := range t.ops {
		if o := &t.ops[i]; o.Table == sqldb.ReferenceTable {
			o.Target = t.rids[rowKey{o.System, o.Text}]
		}
	}
	return nil
}

// lockTargets finds and locks the rows of keys, which are sorted, and takes
// those out that it found.
func (t *tx) lockTargets(ctx context.Context, keys *keyArrays) error {
	done := t.inOrder(keys.types, keys.ids)
	err := t.found(ctx, keys, `SELECT k.type::bigint, k.id, r.rid FROM unnest($1::integer[], $2::text[]) AS k (type, id)
		CROSS JOIN LATERAL (SELECT r.rid FROM resource r WHERE r.type = k.type AND r.id = k.id FOR KEY SHARE) r`, keys.types, keys.ids)
	done()
	return err
}

// insertPlaceholders is lockTargets for keys that have no rows.
func (t *tx) insertPlaceholders(ctx context.Context, keys *keyArrays) error {
	first := t.last + 1
	t.last += int64(len(keys.ids))
	if t.last >= perTransaction {
		return errTooMany
	}
	return t.found(ctx, keys, `INSERT INTO resource (rid, type, id, seq, version, updated, deleted, outline)
		SELECT pg_current_xact_id()::text::bigint * 1048576 + $3 + k.n, k.type, k.id, 0, 0, 0, 1, 0
		FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (type, id, n) ORDER BY k.n
		ON CONFLICT (type, id) DO NOTHING RETURNING type::bigint, id, rid`, keys.types, keys.ids, t.store.base+first-1)
}

// found runs a query of type, id and rid, remembers the rows and takes their
// keys out.
func (t *tx) found(ctx context.Context, keys *keyArrays, text string, args ...any) error {
	err := sqldb.ForEach(ctx, t, text, args, func(r sqldb.Rows) error {
		var k rowKey
		var rid int64
		err := r.Scan(&k.t, &k.id, &rid)
		t.know(k, rid)
		return err
	})
	var left keyArrays
	for i, id := range keys.ids {
		if t.rids[rowKey{keys.types[i], id}] == 0 {
			left.add(keys.types[i], id)
		}
	}
	*keys = left
	return err
}

// replace makes the references to a placeholder, which w holds locked, those to
// the resource that w creates: a row in the order of creation.
func (t *tx) replace(w *writing) {
	placeholder := w.rid
	w.rid = t.id*perTransaction + t.store.base + w.place
	t.know(rowKey{w.typeNumber, string(w.Key.ID)}, w.rid)
	t.enqueue("UPDATE resource SET rid = $1 WHERE rid = $2", w.rid, placeholder)
	t.enqueue("UPDATE reference SET target = $1 WHERE target = $2", w.rid, placeholder)
	t.enqueue("UPDATE governed SET patient = $1 WHERE patient = $2", w.rid, placeholder)
}
