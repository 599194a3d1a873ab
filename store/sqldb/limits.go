package sqldb

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Limits answers store.Limits on a database that has this package's tables. Times are
// microseconds since the epoch, by the clock of the database.
type Limits struct{ Dialect Dialect }

// limitRows is how many keys one statement writes.
const limitRows = 200

// Spend is store.Limits.SpendLimits at a time, in a transaction.
func (s Limits) Spend(ctx context.Context, db DB, now int64, spent []store.LimitSpent) ([]store.LimitUse, error) {
	// In the order of keys, so that two processes do not wait for each other.
	spent = slices.SortedFunc(slices.Values(spent), func(a, b store.LimitSpent) int { return cmp.Compare(a.Key, b.Key) })
	var all []store.LimitUse
	for some := range slices.Chunk(spent, limitRows) {
		var args []any
		for _, x := range some {
			args = append(args, Clean(x.Key), now+x.Owes.Microseconds(), x.Refused, now)
		}
		args = append(args, now, now, now)
		text := "INSERT INTO limit_use (key, until, refused, at) VALUES " + strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?), ", len(some)), ", ") +
			" ON CONFLICT (key) DO UPDATE SET until = CASE WHEN limit_use.until > ? THEN limit_use.until ELSE ? END + excluded.until - ?," +
			" refused = limit_use.refused + excluded.refused, at = excluded.at RETURNING key, until, refused, at"
		uses, err := s.many(ctx, db, now, text, args)
		if err != nil {
			return nil, err
		}
		all = append(all, uses...)
	}
	return all, nil
}

// List is store.Limits.ListLimits at a time.
func (s Limits) List(ctx context.Context, db DB, now int64, limit int) ([]store.LimitUse, error) {
	return s.many(ctx, db, now, "SELECT key, until, refused, at FROM limit_use WHERE until > ? OR refused > 0 ORDER BY at DESC, key LIMIT ?", []any{now, int64(limit)})
}

func (s Limits) many(ctx context.Context, db DB, now int64, text string, args []any) (all []store.LimitUse, err error) {
	err = ForEach(ctx, db, s.Dialect.Rebind(text), args, func(r Rows) error {
		var u store.LimitUse
		var until, at int64
		err := r.Scan(&u.Key, &until, &u.Refused, &at)
		u.Owes, u.Since = time.Duration(max(0, until-now))*time.Microsecond, time.Duration(max(0, now-at))*time.Microsecond
		all = append(all, u)
		return err
	})
	return all, err
}

// Hold is store.Limits.HoldLimits at a time, in a transaction.
func (s Limits) Hold(ctx context.Context, db Execer, now int64, process string, held map[string]int64, lease time.Duration) (map[string]int64, error) {
	if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM limit_held WHERE process = ?"), process); err != nil {
		return nil, err
	}
	for key, n := range held {
		_, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO limit_held (process, key, held, until) VALUES (?, ?, ?, ?)"), process, Clean(key), n, now+lease.Microseconds())
		if err != nil {
			return nil, err
		}
	}
	others := map[string]int64{}
	err := ForEach(ctx, db, s.Dialect.Rebind("SELECT key, held FROM limit_held WHERE process <> ? AND until > ?"), []any{process, now}, func(r Rows) error {
		var key string
		var n int64
		err := r.Scan(&key, &n)
		others[key] += n
		return err
	})
	return others, err
}

// Sweep is store.Limits.SweepLimits at a time, in a transaction.
func (s Limits) Sweep(ctx context.Context, db Execer, now int64, unused time.Duration, limit int) (int64, error) {
	if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM limit_held WHERE until <= ?"), now); err != nil {
		return 0, err
	}
	return db.Exec(ctx, s.Dialect.Rebind("DELETE FROM limit_use WHERE key IN (SELECT key FROM limit_use WHERE until <= ? AND at <= ? ORDER BY at LIMIT ?)"),
		now, now-unused.Microseconds(), int64(limit))
}
