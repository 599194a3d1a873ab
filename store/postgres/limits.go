package postgres

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var usedLimits = sqldb.Limits{Dialect: sqldb.PostgreSQL}

// clock is the time of the database, which all processes share.
func clock(ctx context.Context, db sqldb.DB) (now int64, err error) {
	err = sqldb.ForEach(ctx, db, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", nil, func(r sqldb.Rows) error { return r.Scan(&now) })
	return now, err
}

// SpendLimits implements store.Limits.
func (s *Store) SpendLimits(ctx context.Context, spent []store.LimitSpent) (uses []store.LimitUse, err error) {
	err = s.together(ctx, func(db few) error {
		now, err := clock(ctx, db)
		if err == nil {
			uses, err = usedLimits.Spend(ctx, db, now, spent)
		}
		return err
	})
	return uses, err
}

// ListLimits implements store.Limits.
func (s *Store) ListLimits(ctx context.Context, limit int) ([]store.LimitUse, error) {
	return read(s, func(db pool) ([]store.LimitUse, error) {
		now, err := clock(ctx, db)
		if err != nil {
			return nil, err
		}
		return usedLimits.List(ctx, db, now, limit)
	})
}

// HoldLimits implements store.Limits.
func (s *Store) HoldLimits(ctx context.Context, process string, held map[string]int64, lease time.Duration) (others map[string]int64, err error) {
	err = s.together(ctx, func(db few) error {
		now, err := clock(ctx, db)
		if err == nil {
			others, err = usedLimits.Hold(ctx, db, now, process, held, lease)
		}
		return err
	})
	return others, err
}

// SweepLimits implements store.Limits.
func (s *Store) SweepLimits(ctx context.Context, unused time.Duration, limit int) (n int64, err error) {
	err = s.together(ctx, func(db few) error {
		now, err := clock(ctx, db)
		if err == nil {
			n, err = usedLimits.Sweep(ctx, db, now, unused, limit)
		}
		return err
	})
	return n, err
}
