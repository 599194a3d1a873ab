package sqlite

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var usedLimits = sqldb.Limits{Dialect: sqldb.SQLite}

// SpendLimits implements store.Limits.
func (s *Store) SpendLimits(ctx context.Context, spent []store.LimitSpent) (uses []store.LimitUse, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		uses, err = usedLimits.Spend(ctx, quiet{t.writer.conn}, sqldb.Micros(time.Now()), spent)
		return err
	})
	return uses, err
}

// ListLimits implements store.Limits.
func (s *Store) ListLimits(ctx context.Context, limit int) (uses []store.LimitUse, err error) {
	err = s.read(ctx, func(c *conn) error {
		uses, err = usedLimits.List(ctx, quiet{c}, sqldb.Micros(time.Now()), limit)
		return err
	})
	return uses, err
}

// HoldLimits implements store.Limits.
func (s *Store) HoldLimits(ctx context.Context, process string, held map[string]int64, lease time.Duration) (others map[string]int64, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		others, err = usedLimits.Hold(ctx, quiet{t.writer.conn}, sqldb.Micros(time.Now()), process, held, lease)
		return err
	})
	return others, err
}

// SweepLimits implements store.Limits.
func (s *Store) SweepLimits(ctx context.Context, unused time.Duration, limit int) (n int64, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		n, err = usedLimits.Sweep(ctx, quiet{t.writer.conn}, sqldb.Micros(time.Now()), unused, limit)
		return err
	})
	return n, err
}
