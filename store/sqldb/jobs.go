package sqldb

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Jobs answers store.Jobs on a database that has this package's tables.
type Jobs struct{ Dialect Dialect }

const jobColumns = "id, kind, state, args, progress, result, error, attempt, max, run_at, lease, holder, created, ended"

// Create is store.Jobs.CreateJob.
func (s Jobs) Create(ctx context.Context, db Execer, j store.Job) error {
	n, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO job ("+jobColumns+
		") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"),
		j.ID, j.Kind, string(j.State), j.Args, j.Progress, j.Result, j.Error, int64(j.Attempt), int64(j.Max),
		Micros(j.RunAt), Micros(j.Lease), j.Holder, Micros(j.Created), Micros(j.Ended))
	return changedOne(n, err, store.ErrVersion)
}

// Read is store.Jobs.ReadJob.
func (s Jobs) Read(ctx context.Context, db DB, id string) (store.Job, error) {
	return s.one(ctx, db, "SELECT "+jobColumns+" FROM job WHERE id = ?", id)
}

// List is store.Jobs.ListJobs.
func (s Jobs) List(ctx context.Context, db DB, kind string, limit int) ([]store.Job, error) {
	f := sql("SELECT " + jobColumns + " FROM job")
	if kind != "" {
		f = join("", f, sql(" WHERE kind = ?", kind))
	}
	return s.many(ctx, db, f.sql+" ORDER BY seq DESC LIMIT "+strconv.Itoa(limit), f.args...)
}

// Lease is store.Jobs.LeaseJob.
func (s Jobs) Lease(ctx context.Context, db DB, kinds []string, holder string, now, until time.Time) (store.Job, error) {
	t := Micros(now)
	f := join("", sql("UPDATE job SET state = ?, attempt = attempt + 1, holder = ?, lease = ? WHERE seq = (SELECT seq FROM job WHERE ",
		string(store.JobRunning), holder, Micros(until)), in("kind", kinds),
		sql(" AND (state = ? AND run_at <= ? OR state = ? AND lease <= ?) ORDER BY run_at, seq LIMIT 1"+s.Dialect.SkipLocked+") RETURNING "+jobColumns,
			string(store.JobReady), t, string(store.JobRunning), t))
	return s.one(ctx, db, f.sql, f.args...)
}

// Update is store.Jobs.UpdateJob.
func (s Jobs) Update(ctx context.Context, db Execer, j store.Job, holder string) error {
	kept := holder
	if j.State != store.JobRunning {
		kept = ""
	}
	n, err := db.Exec(ctx, s.Dialect.Rebind("UPDATE job SET state = ?, progress = ?, result = ?, error = ?, run_at = ?, lease = ?, ended = ?, holder = ?"+
		" WHERE id = ? AND holder = ? AND state = ?"),
		string(j.State), j.Progress, j.Result, j.Error, Micros(j.RunAt), Micros(j.Lease), Micros(j.Ended), kept,
		j.ID, holder, string(store.JobRunning))
	return changedOne(n, err, store.ErrVersion)
}

// Cancel is store.Jobs.CancelJob.
func (s Jobs) Cancel(ctx context.Context, db Execer, id string, now time.Time) error {
	n, err := db.Exec(ctx, s.Dialect.Rebind("UPDATE job SET state = ?, ended = ?, holder = '' WHERE id = ? AND state IN (?, ?)"),
		string(store.JobCancelled), Micros(now), id, string(store.JobReady), string(store.JobRunning))
	if err = changedOne(n, err, store.ErrVersion); err == nil || n > 0 {
		return err
	}
	if _, missing := s.Read(ctx, db, id); missing != nil {
		return missing
	}
	return err
}

// Delete is store.Jobs.DeleteJob.
func (s Jobs) Delete(ctx context.Context, db Execer, id string) error {
	n, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM job WHERE id = ?"), id)
	return changedOne(n, err, store.ErrNotFound)
}

// Count is store.Jobs.CountJobs.
func (s Jobs) Count(ctx context.Context, db DB) ([]store.JobCount, error) {
	var counts []store.JobCount
	err := ForEach(ctx, db, "SELECT kind, state, count(*), min(run_at), min(lease), max(ended), max(attempt) FROM job GROUP BY kind, state ORDER BY kind, state", nil, func(r Rows) error {
		var c store.JobCount
		var state string
		var runAt, lease, ended, attempts int64
		err := r.Scan(&c.Kind, &state, &c.Count, &runAt, &lease, &ended, &attempts)
		c.State, c.RunAt, c.Lease, c.Ended, c.Attempts = store.JobState(state), Time(runAt), Time(lease), Time(ended), int(attempts)
		counts = append(counts, c)
		return err
	})
	return counts, err
}

func changedOne(n int64, err, none error) error {
	if err == nil && n == 0 {
		return none
	}
	return err
}

func (s Jobs) one(ctx context.Context, db DB, text string, args ...any) (store.Job, error) {
	jobs, err := s.many(ctx, db, text, args...)
	if err != nil {
		return store.Job{}, err
	}
	if len(jobs) == 0 {
		return store.Job{}, store.ErrNotFound
	}
	return jobs[0], nil
}

func (s Jobs) many(ctx context.Context, db DB, text string, args ...any) ([]store.Job, error) {
	var jobs []store.Job
	err := ForEach(ctx, db, s.Dialect.Rebind(text), args, func(r Rows) error {
		var j store.Job
		var state string
		var attempt, most, runAt, lease, created, ended int64
		err := r.Scan(&j.ID, &j.Kind, &state, &j.Args, &j.Progress, &j.Result, &j.Error, &attempt, &most, &runAt, &lease, &j.Holder, &created, &ended)
		j.State, j.Attempt, j.Max = store.JobState(state), int(attempt), int(most)
		j.RunAt, j.Lease, j.Created, j.Ended = Time(runAt), Time(lease), Time(created), Time(ended)
		jobs = append(jobs, j)
		return err
	})
	return jobs, err
}

// Settings answers store.Settings on a database that has this package's
// tables.
type Settings struct{ Dialect Dialect }

// Read is store.Settings.ReadSetting.
func (s Settings) Read(ctx context.Context, db DB, name string) ([]byte, error) {
	var value []byte
	found := false
	err := ForEach(ctx, db, s.Dialect.Rebind("SELECT value FROM setting WHERE name = ?"), []any{name}, func(r Rows) error {
		found = true
		return r.Scan(&value)
	})
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return value, err
}

// Hold is store.Tx.Hold where there is but one writer.
func (s Settings) Hold(ctx context.Context, db DB, held store.Setting) error {
	value, err := s.Read(ctx, db, held.Name)
	if errors.Is(err, store.ErrNotFound) || err == nil && !bytes.Equal(value, held.Value) {
		return store.ErrVersion
	}
	return err
}

// Init is store.Settings.InitSetting.
func (s Settings) Init(ctx context.Context, db Execer, name string, value []byte) ([]byte, error) {
	_, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"), name, notNil(value))
	if err != nil {
		return nil, err
	}
	return s.Read(ctx, db, name)
}

// Write is store.Settings.WriteSetting.
func (s Settings) Write(ctx context.Context, db Execer, name string, value []byte) error {
	_, err := db.Exec(ctx, s.Dialect.Rebind("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"),
		name, notNil(value))
	return err
}

// Swap is store.Settings.SwapSetting.
func (s Settings) Swap(ctx context.Context, db Execer, name string, was, value []byte) error {
	n, err := db.Exec(ctx, s.Dialect.Rebind("UPDATE setting SET value = ? WHERE name = ? AND value = ?"), notNil(value), name, notNil(was))
	if err == nil && n == 0 {
		err = store.ErrVersion
	}
	return err
}

// List is store.Settings.ListSettings.
func (s Settings) List(ctx context.Context, db DB) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := ForEach(ctx, db, "SELECT name, value FROM setting", nil, func(r Rows) error {
		var name string
		var value []byte
		err := r.Scan(&name, &value)
		all[name] = value
		return err
	})
	return all, err
}

// notNil keeps an empty value from being NULL.
func notNil(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}
