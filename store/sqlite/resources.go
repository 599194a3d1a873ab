package sqlite

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

// Read implements store.Reader.
func (s *Store) Read(ctx context.Context, key fhir.Key) (r store.Record, err error) {
	err = s.read(ctx, func(c *conn) error {
		r, err = s.reader.Read(ctx, quiet{c}, key)
		return err
	})
	return r, err
}

// ReadVersion implements store.Reader.
func (s *Store) ReadVersion(ctx context.Context, key fhir.Key, version int64) (r store.Record, err error) {
	err = s.read(ctx, func(c *conn) error {
		r, err = s.reader.ReadVersion(ctx, quiet{c}, key, version)
		return err
	})
	return r, err
}

// ReadMany implements store.Reader.
func (s *Store) ReadMany(ctx context.Context, keys []fhir.Key) (records []store.Record, err error) {
	err = s.read(ctx, func(c *conn) error {
		records, err = s.readMany(ctx, c, keys)
		return err
	})
	return records, err
}

func (s *Store) readMany(ctx context.Context, c *conn, keys []fhir.Key) ([]store.Record, error) {
	var records []store.Record
	seen := make(map[fhir.Key]bool, len(keys))
	for _, k := range keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if seen[k] {
			continue
		}
		seen[k] = true
		switch r, err := s.reader.Read(ctx, quiet{c}, k); {
		case err == nil && !r.Deleted:
			records = append(records, r)
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return records, nil
}

// Versions implements store.Reader.
func (s *Store) Versions(ctx context.Context, keys []fhir.Key) (versions map[fhir.Key]store.VersionInfo, err error) {
	err = s.read(ctx, func(c *conn) error {
		versions, err = s.versions(ctx, c, keys)
		return err
	})
	return versions, err
}

func (s *Store) versions(ctx context.Context, c *conn, keys []fhir.Key) (map[fhir.Key]store.VersionInfo, error) {
	out := make(map[fhir.Key]store.VersionInfo, len(keys))
	if len(keys) >= manyVersions {
		keys = slices.SortedFunc(slices.Values(keys), fhir.Key.Compare)
	}
	for len(keys) > 0 {
		n := 1
		for n < min(len(keys), manyVersions) && keys[n].Type == keys[0].Type {
			n++
		}
		if n == manyVersions {
			if err := s.reader.Versions(ctx, quiet{c}, keys[:n], out); err != nil {
				return nil, err
			}
			keys = keys[n:]
			continue
		}
		r, err := s.reader.Current(ctx, quiet{c}, keys[0])
		if err != nil {
			return nil, err
		}
		if r.Version > 0 {
			out[keys[0]] = store.VersionInfo{Version: r.Version, Deleted: r.Deleted}
		}
		keys = keys[1:]
	}
	return out, nil
}

// manyVersions keys of one type are looked up by one statement, which costs a
// third of one for each.
const manyVersions = 16

// Search implements store.Reader.
func (s *Store) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	return sqldb.WithLists(func() (p store.Page, err error) {
		before, sure := s.governing.mark()
		err = s.read(ctx, func(c *conn) error {
			p, err = s.reader.Search(ctx, c, q)
			return err
		})
		if after, still := s.governing.mark(); !sure || !still || after != before {
			before = store.PolicyMark{} // nobody's
		}
		p.Marks = []store.PolicyMark{before}
		return p, err
	}, func(l *search.CodeList) error { return s.keepList(ctx, l) })
}

// Count implements store.Reader.
func (s *Store) Count(ctx context.Context, q *search.Query) (int64, error) {
	return sqldb.WithLists(func() (n int64, err error) {
		err = s.read(ctx, func(c *conn) error {
			n, err = s.reader.Count(ctx, c, q)
			return err
		})
		return n, err
	}, func(l *search.CodeList) error { return s.keepList(ctx, l) })
}

// Estimate implements store.Resources.
func (s *Store) Estimate(ctx context.Context, q *search.Query) (store.Estimate, error) {
	return sqldb.WithLists(func() (e store.Estimate, err error) {
		err = s.read(ctx, func(c *conn) error {
			e, err = s.reader.Estimate(ctx, c, q)
			return err
		})
		return e, err
	}, func(l *search.CodeList) error { return s.keepList(ctx, l) })
}

// Referrers implements store.Reader.
func (s *Store) Referrers(ctx context.Context, key fhir.Key, limit int) (keys []fhir.Key, err error) {
	err = s.read(ctx, func(c *conn) error {
		keys, err = s.reader.Referrers(ctx, c, key, limit)
		return err
	})
	return keys, err
}

// FormerReferrers implements store.Resources.
func (s *Store) FormerReferrers(ctx context.Context, key fhir.Key, after store.Position, limit int) (former []store.Positioned, err error) {
	err = s.read(ctx, func(c *conn) error {
		former, err = s.reader.FormerReferrers(ctx, c, key, after, limit)
		return err
	})
	return former, err
}

// Values implements store.Resources.
func (s *Store) Values(ctx context.Context, p search.Param, limit int) (values []search.Entry, err error) {
	err = s.read(ctx, func(c *conn) error {
		values, err = s.reader.Values(ctx, c, p, limit)
		return err
	})
	return values, err
}

// Pack implements store.Resources.
func (s *Store) Pack(json []byte, index []search.Entry) store.Body {
	return s.names.Pack(s.packer, json, index)
}

// History implements store.Resources.
func (s *Store) History(ctx context.Context, q store.HistoryQuery) (p store.HistoryPage, err error) {
	err = s.read(ctx, func(c *conn) error {
		p, err = s.reader.History(ctx, c, q)
		return err
	})
	return p, err
}

// Changes implements store.Resources. Numbers are given and committed by the
// one writer in order, so what is visible has nothing invisible below it.
func (s *Store) Changes(ctx context.Context, after store.Seq, limit int, bodies bool) (records []store.Record, err error) {
	err = s.read(ctx, func(c *conn) error {
		records, err = s.reader.Changes(ctx, c, after, 0, limit, bodies)
		return err
	})
	return records, err
}

// Walk implements store.Resources.
func (s *Store) Walk(ctx context.Context, q store.WalkQuery) (store.WalkPage, error) {
	var w *sqldb.Walk
	err := s.read(ctx, func(c *conn) (err error) {
		w, err = s.reader.Walk(ctx, c, q)
		return err
	})
	if err != nil {
		return store.WalkPage{}, err
	}
	return w.Page(s.reader.Unpack)
}

// Positions implements store.Resources.
func (s *Store) Positions(ctx context.Context, keys []fhir.Key) (places map[fhir.Key]store.Position, err error) {
	err = s.read(ctx, func(c *conn) error {
		places, err = s.reader.Positions(ctx, c, keys)
		return err
	})
	return places, err
}

// Mark implements store.Resources.
func (s *Store) Mark(ctx context.Context) (store.Seq, error) { return s.LastSeq(ctx) }

// Settle implements store.Resources: one at a time writes.
func (s *Store) Settle(context.Context, store.Seq) error { return nil }

// LastSeq implements store.Resources.
func (s *Store) LastSeq(ctx context.Context) (seq store.Seq, err error) {
	err = s.read(ctx, func(c *conn) error {
		var n int64
		err := sqldb.ForEach(ctx, c, "SELECT coalesce(max(seq), 0) FROM version", nil, func(r sqldb.Rows) error { return r.Scan(&n) })
		seq = store.Seq(n)
		return err
	})
	return seq, err
}

// Each implements store.Resources.
func (s *Store) Each(ctx context.Context, t fhir.Type, after store.Position) iter.Seq2[store.Positioned, error] {
	return sqldb.Resources(after, func(after store.Position, limit int) (batch []store.Positioned, err error) {
		err = s.read(ctx, func(c *conn) error {
			batch, err = s.reader.Batch(ctx, c, t, after, limit)
			return err
		})
		return batch, err
	})
}

// Stats implements store.Resources.
func (s *Store) Stats(ctx context.Context) (stats map[fhir.Type]int64, err error) {
	err = s.read(ctx, func(c *conn) error {
		stats, err = s.reader.Stats(ctx, c)
		return err
	})
	return stats, err
}

// Reindex implements store.Resources.
func (s *Store) Reindex(ctx context.Context, held store.Setting, items []store.Reindexed) (count store.ReindexCount, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		count = store.ReindexCount{}
		if err := t.Hold(ctx, held); err != nil {
			return err
		}
		for _, x := range items {
			current, err := s.reader.Current(ctx, quiet{t.writer.conn}, x.Key)
			if err != nil {
				return err
			}
			if current.RID == 0 || current.Version != x.Version {
				continue
			}
			former, err := s.reader.Former(ctx, quiet{t.writer.conn}, current)
			if err != nil {
				return err
			}
			index, err := sqldb.Reindexed(t, x.Index, current.Deleted)
			if err != nil {
				return err
			}
			gone, come := index.Diff(former)
			index.Count(&count, gone, come)
			if len(gone)+len(come) == 0 && index.Outline == current.Outline {
				continue
			}
			if err := t.writer.conn.run("UPDATE resource SET outline = ?, idx = ? WHERE rid = ?", index.Outline, index.Own(), current.RID); err != nil {
				return err
			}
			t.ops = sqldb.AppendOps(t.ops, current.RID, gone, come)
			t.regoverned.owners = true
		}
		return nil
	})
	return count, err
}

// Expunge implements store.Resources. It works in several transactions, so
// that it does not hold up other writers.
func (s *Store) Expunge(ctx context.Context, x store.Expunge) (int64, error) {
	n, err := sqldb.InGroups(x, func(x store.Expunge) (int64, error) { return s.expunge(ctx, x) })
	if err != nil || x.KeepTexts {
		return n, err
	}
	if err := s.sweepPhrases(ctx); err != nil {
		return n, err
	}
	if err := s.sweepUnits(ctx); err != nil {
		return n, err
	}
	if x.Fill {
		if err := s.fill(ctx); err != nil {
			return n, err
		}
	}
	if err := s.gate.Enter(); err != nil {
		return n, err
	}
	defer s.gate.Leave()
	s.checkpointer.copying.Lock()
	defer s.checkpointer.copying.Unlock()
	return n, translate(s.dir, wipeLog(s.path))
}

func (s *Store) expunge(ctx context.Context, x store.Expunge) (int64, error) {
	return sqldb.InBatches(x.Limit, func(size int64) (n int64, err error) {
		err = s.do(ctx, func(ctx context.Context, t *tx) (err error) {
			err = t.writer.wiping(func() (err error) {
				n, err = t.expunge(ctx, x, size)
				return err
			})
			return errors.Join(err, t.writer.keepCounters())
		})
		return n, err
	})
}

func (t *tx) expunge(ctx context.Context, x store.Expunge, size int64) (int64, error) {
	reader, c := t.writer.store.reader, quiet{t.writer.conn}
	if err := t.flush(); err != nil {
		return 0, err
	}
	begun := len(t.ops)
	expunged, err := reader.Expunge(ctx, c, x, size, func(rid int64, rows []sqldb.Row) {
		t.index(rid, &sqldb.Index{}, rows)
	})
	if err != nil {
		return 0, err
	}
	if err := t.flush(); err != nil {
		return 0, err
	}
	t.writer.rids.forget()
	return expunged.Versions, reader.Sweep(ctx, c, append(expunged.Resources, sqldb.Targets(t.ops[begun:])...))
}
