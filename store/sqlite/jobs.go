package sqlite

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var (
	jobs     = sqldb.Jobs{Dialect: sqldb.SQLite}
	settings = sqldb.Settings{Dialect: sqldb.SQLite}
)

// CreateJob implements store.Jobs.
func (s *Store) CreateJob(ctx context.Context, j store.Job) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return jobs.Create(ctx, t.writer.conn, j) })
}

// ReadJob implements store.Jobs.
func (s *Store) ReadJob(ctx context.Context, id string) (j store.Job, err error) {
	err = s.read(ctx, func(c *conn) error {
		j, err = jobs.Read(ctx, quiet{c}, id)
		return err
	})
	return j, err
}

// ListJobs implements store.Jobs.
func (s *Store) ListJobs(ctx context.Context, kind string, limit int) (list []store.Job, err error) {
	err = s.read(ctx, func(c *conn) error {
		list, err = jobs.List(ctx, quiet{c}, kind, limit)
		return err
	})
	return list, err
}

// CountJobs implements store.Jobs.
func (s *Store) CountJobs(ctx context.Context) (counts []store.JobCount, err error) {
	err = s.read(ctx, func(c *conn) error {
		counts, err = jobs.Count(ctx, quiet{c})
		return err
	})
	return counts, err
}

// LeaseJob implements store.Jobs.
func (s *Store) LeaseJob(ctx context.Context, kinds []string, holder string, now, until time.Time) (j store.Job, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		j, err = jobs.Lease(ctx, quiet{t.writer.conn}, kinds, holder, now, until)
		return err
	})
	return j, err
}

// UpdateJob implements store.Jobs.
func (s *Store) UpdateJob(ctx context.Context, j store.Job, holder string) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return jobs.Update(ctx, quiet{t.writer.conn}, j, holder) })
}

// CancelJob implements store.Jobs.
func (s *Store) CancelJob(ctx context.Context, id string, now time.Time) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return jobs.Cancel(ctx, quiet{t.writer.conn}, id, now) })
}

// DeleteJob implements store.Jobs.
func (s *Store) DeleteJob(ctx context.Context, id string) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return jobs.Delete(ctx, quiet{t.writer.conn}, id) })
}

// ReadSetting implements store.Settings.
func (s *Store) ReadSetting(ctx context.Context, name string) (value []byte, err error) {
	err = s.read(ctx, func(c *conn) error {
		value, err = settings.Read(ctx, quiet{c}, name)
		return err
	})
	return value, err
}

// InitSetting implements store.Settings.
func (s *Store) InitSetting(ctx context.Context, name string, value []byte) (stored []byte, err error) {
	err = s.do(ctx, func(ctx context.Context, t *tx) error {
		stored, err = settings.Init(ctx, quiet{t.writer.conn}, name, value)
		return err
	})
	return stored, err
}

// WriteSetting implements store.Settings.
func (s *Store) WriteSetting(ctx context.Context, name string, value []byte) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return settings.Write(ctx, quiet{t.writer.conn}, name, value) })
}

// SwapSetting implements store.Settings.
func (s *Store) SwapSetting(ctx context.Context, name string, was, value []byte) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error { return settings.Swap(ctx, t.writer.conn, name, was, value) })
}

// ListSettings implements store.Settings.
func (s *Store) ListSettings(ctx context.Context) (all map[string][]byte, err error) {
	err = s.read(ctx, func(c *conn) error {
		all, err = settings.List(ctx, quiet{c})
		return err
	})
	return all, err
}

// ClockAhead implements store.Jobs: there is one process.
func (s *Store) ClockAhead(context.Context) (time.Duration, error) { return 0, nil }
