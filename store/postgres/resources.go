package postgres

import (
	"context"
	"iter"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// read runs f on the pool, once more when the connection breaks.
func read[T any](s *Store, f func(db pool) (T, error)) (T, error) {
	if err := s.gate.Enter(); err != nil {
		var none T
		return none, err
	}
	defer s.gate.Leave()
	v, err := f(pool{s.pool})
	if away(err) {
		s.pool.Reset()
		v, err = f(pool{s.pool})
	}
	return v, translate(err)
}

// ReadVersion implements store.Reader.
func (s *Store) ReadVersion(ctx context.Context, key fhir.Key, version int64) (store.Record, error) {
	return read(s, func(db pool) (store.Record, error) { return s.reader.ReadVersion(ctx, db, key, version) })
}

// ReadMany implements store.Reader.
func (s *Store) ReadMany(ctx context.Context, keys []fhir.Key) ([]store.Record, error) {
	return read(s, func(db pool) ([]store.Record, error) {
		if len(keys) <= fewKeys {
			return s.readMany(ctx, short{s}, keys)
		}
		return s.readMany(ctx, db, keys)
	})
}

// fewKeys are read by a short query.
const fewKeys = 32

func (s *Store) readMany(ctx context.Context, db sqldb.DB, keys []fhir.Key) ([]store.Record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	types, ids, err := s.keyColumns(ctx, keys)
	if err != nil {
		return nil, err
	}
	return s.reader.ByKeys(ctx, db, "(SELECT DISTINCT * FROM unnest($1::integer[], $2::text[]) AS u (type, id)) k", types, ids)
}

// Versions implements store.Reader.
func (s *Store) Versions(ctx context.Context, keys []fhir.Key) (map[fhir.Key]store.VersionInfo, error) {
	return read(s, func(db pool) (map[fhir.Key]store.VersionInfo, error) { return s.versions(ctx, db, keys) })
}

func (s *Store) versions(ctx context.Context, db sqldb.DB, keys []fhir.Key) (map[fhir.Key]store.VersionInfo, error) {
	out := make(map[fhir.Key]store.VersionInfo, len(keys))
	if len(keys) == 0 {
		return out, nil
	}
	types, ids, err := s.keyColumns(ctx, keys)
	if err != nil {
		return nil, err
	}
	err = sqldb.ForEach(ctx, db, `SELECT k.n, r.version, r.deleted FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (type, id, n)
		JOIN resource r ON r.type = k.type AND r.id = k.id AND r.version > 0`, []any{types, ids}, func(r sqldb.Rows) error {
		var n, version, deleted int64
		if err := r.Scan(&n, &version, &deleted); err != nil {
			return err
		}
		out[keys[n-1]] = store.VersionInfo{Version: version, Deleted: deleted != 0}
		return nil
	})
	return out, err
}

// keyColumns gives keys as two columns; a type that does not occur gets a
// number that matches nothing.
func (s *Store) keyColumns(ctx context.Context, keys []fhir.Key) (types []int64, ids []string, err error) {
	types, ids = make([]int64, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		if types[i], err = s.names.Find(ctx, pool{s.naming}, sqldb.TypeSpace, string(k.Type)); err != nil {
			return nil, nil, err
		}
		ids[i] = string(k.ID)
	}
	return types, ids, nil
}

// Search implements store.Reader.
func (s *Store) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	return sqldb.WithLists(func() (store.Page, error) {
		return read(s, func(db pool) (store.Page, error) { return s.reader.Search(ctx, searching{db, s}, q) })
	}, func(l *search.CodeList) error { return s.keepList(ctx, l) })
}

// Count implements store.Reader.
func (s *Store) Count(ctx context.Context, q *search.Query) (int64, error) {
	return sqldb.WithLists(func() (int64, error) {
		return read(s, func(db pool) (int64, error) { return s.reader.Count(ctx, db, q) })
	}, func(l *search.CodeList) error { return s.keepList(ctx, l) })
}

// Estimate implements store.Resources.
func (s *Store) Estimate(ctx context.Context, q *search.Query) (store.Estimate, error) {
	return sqldb.WithLists(func() (store.Estimate, error) {
		return read(s, func(db pool) (store.Estimate, error) { return s.reader.Estimate(ctx, db, q) })
	}, func(l *search.CodeList) error { return s.keepList(ctx, l) })
}

// Referrers implements store.Reader.
func (s *Store) Referrers(ctx context.Context, key fhir.Key, limit int) ([]fhir.Key, error) {
	return read(s, func(db pool) ([]fhir.Key, error) { return s.reader.Referrers(ctx, db, key, limit) })
}

// FormerReferrers implements store.Resources.
func (s *Store) FormerReferrers(ctx context.Context, key fhir.Key, after store.Position, limit int) ([]store.Positioned, error) {
	return read(s, func(db pool) ([]store.Positioned, error) {
		return s.reader.FormerReferrers(ctx, db, key, after, limit)
	})
}

// Values implements store.Resources.
func (s *Store) Values(ctx context.Context, p search.Param, limit int) ([]search.Entry, error) {
	return read(s, func(db pool) ([]search.Entry, error) { return s.reader.Values(ctx, db, p, limit) })
}

// Pack implements store.Resources.
func (s *Store) Pack(json []byte, index []search.Entry) store.Body {
	return s.names.Pack(s.packer, json, index)
}

// History implements store.Resources.
func (s *Store) History(ctx context.Context, q store.HistoryQuery) (store.HistoryPage, error) {
	return read(s, func(db pool) (store.HistoryPage, error) { return s.reader.History(ctx, db, q) })
}

// Changes implements store.Resources.
func (s *Store) Changes(ctx context.Context, after store.Seq, limit int, bodies bool) ([]store.Record, error) {
	return read(s, func(db pool) ([]store.Record, error) {
		until, err := s.horizon(ctx)
		if err != nil {
			return nil, err
		}
		return s.reader.Changes(ctx, db, after, store.Seq(until), limit, bodies)
	})
}

// Walk implements store.Resources.
func (s *Store) Walk(ctx context.Context, q store.WalkQuery) (store.WalkPage, error) {
	w, err := read(s, func(db pool) (*sqldb.Walk, error) { return s.reader.Walk(ctx, db, q) })
	if err != nil {
		return store.WalkPage{}, err
	}
	return w.Page(s.reader.Unpack)
}

// Positions implements store.Resources.
func (s *Store) Positions(ctx context.Context, keys []fhir.Key) (map[fhir.Key]store.Position, error) {
	return read(s, func(db pool) (map[fhir.Key]store.Position, error) { return s.reader.Positions(ctx, db, keys) })
}

// LastSeq implements store.Resources.
func (s *Store) LastSeq(ctx context.Context) (store.Seq, error) {
	return read(s, func(pool) (store.Seq, error) {
		until, err := s.horizon(ctx)
		if err != nil {
			return 0, err
		}
		var last int64
		err = s.pool.QueryRow(ctx, "SELECT coalesce(max(seq), 0) FROM version WHERE seq <= $1", until).Scan(&last)
		return store.Seq(last), err
	})
}

// Each implements store.Resources.
func (s *Store) Each(ctx context.Context, t fhir.Type, after store.Position) iter.Seq2[store.Positioned, error] {
	return sqldb.Resources(after, func(after store.Position, limit int) (batch []store.Positioned, err error) {
		return read(s, func(db pool) ([]store.Positioned, error) { return s.reader.Batch(ctx, db, t, after, limit) })
	})
}

// Stats implements store.Resources.
func (s *Store) Stats(ctx context.Context) (map[fhir.Type]int64, error) {
	return read(s, func(db pool) (map[fhir.Type]int64, error) { return s.reader.Stats(ctx, db) })
}

// Reindex implements store.Resources.
func (s *Store) Reindex(ctx context.Context, held store.Setting, items []store.Reindexed) (count store.ReindexCount, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		count = store.ReindexCount{}
		if err := t.Hold(ctx, held); err != nil {
			return err
		}
		keys := make([]fhir.Key, len(items))
		for i := range items {
			keys[i] = items[i].Key
		}
		types, ids, err := s.keyColumns(ctx, keys)
		if err != nil || len(items) == 0 {
			return err
		}
		t.knewPhrases(s.phrases.Load())
		namer, err := s.name(ctx, func(yield func([]search.Entry) bool) {
			for i := range items {
				if !yield(items[i].Index) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
		type row struct {
			n       int64
			current sqldb.Current
		}
		var rows []row
		err = sqldb.ForEach(ctx, t, `SELECT k.n, r.rid, r.version, r.deleted, r.seq, r.outline, r.idx FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (type, id, n)
			JOIN resource r ON r.type = k.type AND r.id = k.id ORDER BY r.type, r.id FOR NO KEY UPDATE OF r`, []any{types, ids}, func(r sqldb.Rows) error {
			var x row
			var deleted int64
			c := &x.current
			err := r.Scan(&x.n, &c.RID, &c.Version, &deleted, &c.Seq, &c.Outline, &c.Copy)
			c.Deleted = deleted != 0
			rows = append(rows, x)
			return err
		})
		if err != nil {
			return err
		}
		for _, x := range rows {
			item := &items[x.n-1]
			if x.current.Version != item.Version {
				continue
			}
			former, err := s.reader.Former(ctx, t, x.current)
			if err != nil {
				return err
			}
			index, err := sqldb.Reindexed(namer, item.Index, x.current.Deleted)
			if err != nil {
				return err
			}
			gone, come := index.Diff(former)
			index.Count(&count, gone, come)
			if len(gone)+len(come) == 0 && index.Outline == x.current.Outline {
				continue
			}
			t.ops = sqldb.AppendOps(t.ops, x.current.RID, gone, come)
			t.enqueue("UPDATE resource SET outline = $1, idx = $2 WHERE rid = $3", index.Outline, index.Own(), x.current.RID)
		}
		return nil
	})
	return count, err
}

// Expunge implements store.Resources. It works in several transactions, so
// that it does not hold up the others.
func (s *Store) Expunge(ctx context.Context, x store.Expunge) (int64, error) {
	n, err := sqldb.InGroups(x, func(x store.Expunge) (int64, error) { return s.expunge(ctx, x) })
	if err != nil || x.KeepTexts {
		return n, err
	}
	if err := s.sweepPhrases(ctx); err != nil {
		return n, err
	}
	return n, s.sweepUnits(ctx)
}

func (s *Store) expunge(ctx context.Context, x store.Expunge) (int64, error) {
	return sqldb.InBatches(x.Limit, func(size int64) (n int64, err error) {
		err = s.do(ctx, func(ctx context.Context, t *tx) (err error) {
			n, err = t.expunge(ctx, x, size)
			return err
		})
		return n, err
	})
}

func (t *tx) expunge(ctx context.Context, x store.Expunge, size int64) (int64, error) {
	expunged, err := t.store.reader.Expunge(ctx, t, x, size, func(rid int64, rows []sqldb.Row) {
		t.ops = sqldb.AppendOps(t.ops, rid, rows, nil)
	})
	if err != nil {
		return 0, err
	}
	if err := t.resolve(ctx); err != nil {
		return 0, err
	}
	targets := sqldb.Targets(t.ops)
	if err := t.writeIndex(ctx); err != nil {
		return 0, err
	}
	return expunged.Versions, t.store.reader.Sweep(ctx, t, append(expunged.Resources, targets...))
}
