package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/inglehealth/ingle/store"
)

// Vitals implements store.Store.
func (s *Store) Vitals(ctx context.Context) (store.Vitals, error) {
	return read(s, func(db pool) (store.Vitals, error) {
		v := store.Vitals{Commits: s.commits.Load()}
		for _, p := range []*pgxpool.Pool{s.pool, s.naming, s.short} {
			state := p.Stat()
			v.MaxConnections += int(state.MaxConns())
			v.Connections += int(state.TotalConns())
			v.Busy += int(state.AcquiredConns())
		}
		var version string
		var held float64
		err := db.QueryRow(ctx, `SELECT now(), current_setting('server_version'),
			(SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'),
			(SELECT coalesce(extract(epoch FROM now() - min(xact_start)), 0)::float8 FROM pg_stat_activity WHERE backend_xid IS NOT NULL)`,
			s.schema).Scan(&v.Now, &version, &v.Bytes, &held)
		v.FeedHeld, v.Version = max(0, time.Duration(held*float64(time.Second))), "PostgreSQL "+version
		return v, err
	})
}
