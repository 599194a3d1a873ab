package postgres

import (
	"context"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var events = sqldb.Events{Dialect: sqldb.PostgreSQL}

// AppendEvents implements store.Events.
func (s *Store) AppendEvents(ctx context.Context, some []store.Event, changes ...store.ItemChange) error {
	return s.together(ctx, func(db few) error { return events.Append(ctx, db, some, changes) })
}

// ReadEvents implements store.Events.
func (s *Store) ReadEvents(ctx context.Context, log string, from int64, limit int) ([]store.Event, error) {
	return read(s, func(db pool) ([]store.Event, error) { return events.Read(ctx, db, log, from, limit) })
}

// LastEvent implements store.Events.
func (s *Store) LastEvent(ctx context.Context, log string) (int64, error) {
	return read(s, func(db pool) (int64, error) { return events.Last(ctx, db, log) })
}

// CutEvents implements store.Events.
func (s *Store) CutEvents(ctx context.Context, log string, below int64) error {
	return s.together(ctx, func(db few) error { return events.Cut(ctx, db, log, below) })
}

// PutItems implements store.Tx.
func (t *tx) PutItems(ctx context.Context, changes ...store.ItemChange) error {
	return items.Write(ctx, t, changes)
}

// PutItems implements store.Tx.
func (m *member) PutItems(context.Context, ...store.ItemChange) error { return m.alone() }
