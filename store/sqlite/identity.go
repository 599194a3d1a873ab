package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var items = sqldb.Items{Dialect: sqldb.SQLite}

// ReadItem implements store.Identity.
func (s *Store) ReadItem(ctx context.Context, kind, id string) (i store.Item, err error) {
	err = s.read(ctx, func(c *conn) error {
		i, err = items.Read(ctx, quiet{c}, kind, id)
		return err
	})
	return i, err
}

// FindItems implements store.Identity.
func (s *Store) FindItems(ctx context.Context, kind string, key store.ItemKey, after string, limit int) (list []store.Item, err error) {
	err = s.read(ctx, func(c *conn) error {
		list, err = items.Find(ctx, quiet{c}, kind, key, after, limit)
		return err
	})
	return list, err
}

// ListItems implements store.Identity.
func (s *Store) ListItems(ctx context.Context, kind, after string, limit int) (list []store.Item, err error) {
	err = s.read(ctx, func(c *conn) error {
		list, err = items.List(ctx, quiet{c}, kind, after, limit)
		return err
	})
	return list, err
}

// ItemKinds implements store.Identity.
func (s *Store) ItemKinds(ctx context.Context) (kinds []string, err error) {
	err = s.read(ctx, func(c *conn) error {
		kinds, err = items.Kinds(ctx, quiet{c})
		return err
	})
	return kinds, err
}

// WriteItems implements store.Identity.
func (s *Store) WriteItems(ctx context.Context, epoch bool, changes ...store.ItemChange) error {
	err := s.do(ctx, func(ctx context.Context, t *tx) error {
		write := func() error { return items.Write(ctx, quiet{t.writer.conn}, changes) }
		if slices.ContainsFunc(changes, func(c store.ItemChange) bool { return c.Delete }) {
			return t.writer.wiping(write)
		}
		return write()
	})
	if epoch {
		// Even after an error, since a context that ended does not tell whether
		// the change was made.
		s.epoch.Add(1)
	}
	return err
}

// SweepItems implements store.Identity.
func (s *Store) SweepItems(ctx context.Context, before time.Time, limit int) (n int64, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		n, err = items.Sweep(ctx, quiet{t.writer.conn}, before, limit)
		return err
	})
	return n, err
}

// Epoch implements store.Identity. One process has the database, so it is kept
// in memory.
func (s *Store) Epoch(context.Context) (int64, error) { return s.epoch.Load(), nil }
