package sqldb

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/store"
)

// Events answers store.Events on a database that has this package's tables.
type Events struct{ Dialect Dialect }

// eventsAtOnce is how many events one statement adds.
const eventsAtOnce = 200

// Append is store.Events.AppendEvents in a transaction.
func (s Events) Append(ctx context.Context, db Execer, events []store.Event, changes []store.ItemChange) error {
	if err := Items(s).Write(ctx, db, changes); err != nil {
		return err
	}
	for some := range slices.Chunk(events, eventsAtOnce) {
		args := make([]any, 0, 3*len(some))
		for _, e := range some {
			args = append(args, e.Log, e.Number, notNil(e.Body))
		}
		text := "INSERT INTO event (log, number, body) VALUES (?, ?, ?)" + strings.Repeat(", (?, ?, ?)", len(some)-1) + " ON CONFLICT DO NOTHING"
		n, err := db.Exec(ctx, s.Dialect.Rebind(text), args...)
		if err == nil && n < int64(len(some)) {
			err = store.ErrVersion
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Read is store.Events.ReadEvents.
func (s Events) Read(ctx context.Context, db DB, log string, from int64, limit int) (events []store.Event, err error) {
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT number, body FROM event WHERE log = ? AND number >= ? ORDER BY number LIMIT ?"), []any{log, from, int64(limit)}, func(r Rows) error {
		e := store.Event{Log: log}
		err := r.Scan(&e.Number, &e.Body)
		events = append(events, e)
		return err
	})
	return events, err
}

// Last is store.Events.LastEvent.
func (s Events) Last(ctx context.Context, db DB, log string) (number int64, err error) {
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT coalesce(max(number), 0) FROM event WHERE log = ?"), []any{log}, func(r Rows) error { return r.Scan(&number) })
	return number, err
}

// Cut is store.Events.CutEvents.
func (s Events) Cut(ctx context.Context, db Execer, log string, below int64) error {
	_, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM event WHERE log = ? AND number < ?"), log, below)
	return err
}
