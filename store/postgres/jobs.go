package postgres

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqldb"
)

var (
	jobs     = sqldb.Jobs{Dialect: sqldb.PostgreSQL}
	settings = sqldb.Settings{Dialect: sqldb.PostgreSQL}
)

// change runs f on the pool, each statement a transaction of its own.
func change(s *Store, f func(db pool) error) error {
	_, err := read(s, func(db pool) (struct{}, error) { return struct{}{}, f(db) })
	return err
}

// CreateJob implements store.Jobs.
func (s *Store) CreateJob(ctx context.Context, j store.Job) error {
	return change(s, func(db pool) error { return jobs.Create(ctx, db, j) })
}

// ReadJob implements store.Jobs.
func (s *Store) ReadJob(ctx context.Context, id string) (store.Job, error) {
	return read(s, func(db pool) (store.Job, error) { return jobs.Read(ctx, db, id) })
}

// ListJobs implements store.Jobs.
func (s *Store) ListJobs(ctx context.Context, kind string, limit int) ([]store.Job, error) {
	return read(s, func(db pool) ([]store.Job, error) { return jobs.List(ctx, db, kind, limit) })
}

// CountJobs implements store.Jobs.
func (s *Store) CountJobs(ctx context.Context) ([]store.JobCount, error) {
	return read(s, func(db pool) ([]store.JobCount, error) { return jobs.Count(ctx, db) })
}

// LeaseJob implements store.Jobs.
func (s *Store) LeaseJob(ctx context.Context, kinds []string, holder string, now, until time.Time) (store.Job, error) {
	return read(s, func(db pool) (store.Job, error) { return jobs.Lease(ctx, db, kinds, holder, now, until) })
}

// UpdateJob implements store.Jobs.
func (s *Store) UpdateJob(ctx context.Context, j store.Job, holder string) error {
	return change(s, func(db pool) error { return jobs.Update(ctx, db, j, holder) })
}

// CancelJob implements store.Jobs.
func (s *Store) CancelJob(ctx context.Context, id string, now time.Time) error {
	return change(s, func(db pool) error { return jobs.Cancel(ctx, db, id, now) })
}

// DeleteJob implements store.Jobs.
func (s *Store) DeleteJob(ctx context.Context, id string) error {
	return change(s, func(db pool) error { return jobs.Delete(ctx, db, id) })
}

// clockSlack is a difference of clocks that is none.
const clockSlack = 250 * time.Millisecond

// ClockAhead implements store.Jobs: the shared clock is the database's.
func (s *Store) ClockAhead(ctx context.Context) (time.Duration, error) {
	return read(s, func(db pool) (time.Duration, error) {
		var there time.Time
		asked := time.Now()
		if err := db.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&there); err != nil {
			return 0, err
		}
		took := time.Since(asked)
		ahead := there.Sub(asked.Add(took / 2))
		if ahead.Abs() <= clockSlack+took/2 {
			return 0, nil
		}
		return ahead, nil
	})
}

// ReadSetting implements store.Settings.
func (s *Store) ReadSetting(ctx context.Context, name string) ([]byte, error) {
	return read(s, func(db pool) ([]byte, error) { return settings.Read(ctx, db, name) })
}

// InitSetting implements store.Settings.
func (s *Store) InitSetting(ctx context.Context, name string, value []byte) ([]byte, error) {
	return read(s, func(db pool) ([]byte, error) { return settings.Init(ctx, db, name, value) })
}

// WriteSetting implements store.Settings.
func (s *Store) WriteSetting(ctx context.Context, name string, value []byte) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error {
		t.awaitHolders(name)
		return settings.Write(ctx, t, name, value)
	})
}

// SwapSetting implements store.Settings.
func (s *Store) SwapSetting(ctx context.Context, name string, was, value []byte) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error {
		t.awaitHolders(name)
		return settings.Swap(ctx, t, name, was, value)
	})
}

// ListSettings implements store.Settings.
func (s *Store) ListSettings(ctx context.Context) (map[string][]byte, error) {
	return read(s, func(db pool) (map[string][]byte, error) { return settings.List(ctx, db) })
}
