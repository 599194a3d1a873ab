package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var items = sqldb.Items{Dialect: sqldb.PostgreSQL}

// ReadItem implements store.Identity.
func (s *Store) ReadItem(ctx context.Context, kind, id string) (store.Item, error) {
	return read(s, func(db pool) (store.Item, error) { return items.Read(ctx, db, kind, id) })
}

// FindItems implements store.Identity.
func (s *Store) FindItems(ctx context.Context, kind string, key store.ItemKey, after string, limit int) ([]store.Item, error) {
	return read(s, func(db pool) ([]store.Item, error) { return items.Find(ctx, db, kind, key, after, limit) })
}

// ListItems implements store.Identity.
func (s *Store) ListItems(ctx context.Context, kind, after string, limit int) ([]store.Item, error) {
	return read(s, func(db pool) ([]store.Item, error) { return items.List(ctx, db, kind, after, limit) })
}

// ItemKinds implements store.Identity.
func (s *Store) ItemKinds(ctx context.Context) ([]string, error) {
	return read(s, func(db pool) ([]string, error) { return items.Kinds(ctx, db) })
}

// WriteItems implements store.Identity.
func (s *Store) WriteItems(ctx context.Context, epoch bool, changes ...store.ItemChange) error {
	return s.together(ctx, func(db few) error {
		err := items.Write(ctx, db, changes)
		if err == nil && epoch {
			_, err = db.Exec(ctx, raiseEpoch)
		}
		return err
	})
}

// SweepItems implements store.Identity.
func (s *Store) SweepItems(ctx context.Context, before time.Time, limit int) (n int64, err error) {
	err = s.together(ctx, func(db few) error {
		n, err = items.Sweep(ctx, db, before, limit)
		return err
	})
	return n, err
}

// together runs f in a transaction. It is not tried again when the connection
// was lost: what was being written may be there.
func (s *Store) together(ctx context.Context, f func(db few) error) error {
	if err := s.gate.Enter(); err != nil {
		return err
	}
	defer s.gate.Leave()
	return translate(pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return f(few{tx}) }))
}

// few is a transaction of a few statements that others need not wait for.
type few struct{ tx pgx.Tx }

// Query implements sqldb.DB.
func (w few) Query(ctx context.Context, text string, args ...any) (sqldb.Rows, error) {
	return w.tx.Query(ctx, text, args...) //nolint:sqlclosecheck // the caller closes them
}

// Exec implements sqldb.Execer.
func (w few) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	tag, err := w.tx.Exec(ctx, text, args...)
	return tag.RowsAffected(), err
}
