package sqlite

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store/sqldb"
)

// sweepPhrases removes the phrases that no resource has any more, and then
// rewrites the full text index, which keeps the words of what is deleted until
// it merges.
func (s *Store) sweepPhrases(ctx context.Context) error {
	removed := int64(0)
	err := sqldb.SweepUnused(func(after int64) (ids []int64, err error) {
		err = s.read(ctx, func(c *conn) error {
			ids, err = s.reader.Orphans(ctx, c, after)
			return err
		})
		return ids, err
	}, func(ids []int64) error {
		return s.do(ctx, func(ctx context.Context, t *tx) error { return t.removePhrases(ctx, ids, &removed) })
	})
	if err != nil || removed == 0 {
		return err
	}
	return s.do(ctx, func(_ context.Context, t *tx) error {
		return t.writer.conn.run("INSERT INTO phrase_word (phrase_word) VALUES ('optimize')")
	})
}

// removePhrases removes those of the phrases that no resource has.
func (t *tx) removePhrases(ctx context.Context, ids []int64, removed *int64) error {
	if err := t.flush(); err != nil {
		return err
	}
	t.writer.store.names.ForgetUsed()
	for _, id := range ids {
		n, err := t.writer.conn.Exec(ctx, "DELETE FROM phrase WHERE id = ? AND NOT EXISTS (SELECT 1 FROM phrase_use u WHERE u.phrase = phrase.id)", id)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		*removed++
		if err := t.writer.conn.run("DELETE FROM phrase_word WHERE rowid = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// sweepUnits removes the units that no resource has any more.
func (s *Store) sweepUnits(ctx context.Context) error {
	return sqldb.SweepUnused(func(after int64) (ids []int64, err error) {
		err = s.read(ctx, func(c *conn) error {
			ids, err = s.reader.UnusedUnits(ctx, c, after)
			return err
		})
		return ids, err
	}, func(ids []int64) error {
		return s.do(ctx, func(ctx context.Context, t *tx) error {
			if err := t.flush(); err != nil {
				return err
			}
			t.writer.store.names.ForgetUsed()
			in, err := json.Marshal(ids)
			if err != nil {
				return err
			}
			return t.writer.conn.run("DELETE FROM unit WHERE unit.id IN (SELECT value FROM json_each(?)) AND "+sqldb.UnusedUnit, string(in))
		})
	})
}

// keepList puts a list of codes into the tables.
func (s *Store) keepList(ctx context.Context, l *search.CodeList) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return t.keepList(ctx, l) })
}

func (t *tx) keepList(ctx context.Context, l *search.CodeList) error {
	if err := t.changing(); err != nil {
		return err
	}
	return t.writer.store.reader.KeepList(ctx, quiet{t.writer.conn}, t, l)
}
