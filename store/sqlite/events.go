package sqlite

import (
	"context"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var events = sqldb.Events{Dialect: sqldb.SQLite}

// AppendEvents implements store.Events.
func (s *Store) AppendEvents(ctx context.Context, some []store.Event, changes ...store.ItemChange) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return events.Append(ctx, quiet{t.writer.conn}, some, changes) })
}

// ReadEvents implements store.Events.
func (s *Store) ReadEvents(ctx context.Context, log string, from int64, limit int) (some []store.Event, err error) {
	err = s.read(ctx, func(c *conn) error {
		some, err = events.Read(ctx, quiet{c}, log, from, limit)
		return err
	})
	return some, err
}

// LastEvent implements store.Events.
func (s *Store) LastEvent(ctx context.Context, log string) (number int64, err error) {
	err = s.read(ctx, func(c *conn) error {
		number, err = events.Last(ctx, quiet{c}, log)
		return err
	})
	return number, err
}

// CutEvents implements store.Events.
func (s *Store) CutEvents(ctx context.Context, log string, below int64) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return events.Cut(ctx, quiet{t.writer.conn}, log, below) })
}
