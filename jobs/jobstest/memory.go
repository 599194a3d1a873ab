// Package jobstest is the contract of durable work as tests, and a store for
// jobs in memory to run them against.
package jobstest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Memory is a store.Jobs in memory. The zero Memory is empty and ready.
type Memory struct {
	mu    sync.Mutex
	jobs  map[string]store.Job
	order map[string]int
}

// ClockAhead implements store.Jobs.
func (m *Memory) ClockAhead(context.Context) (time.Duration, error) { return 0, nil }

// CreateJob implements store.Jobs.
func (m *Memory) CreateJob(ctx context.Context, j store.Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, exists := m.jobs[j.ID]; exists {
		return store.ErrVersion
	}
	if m.jobs == nil {
		m.jobs, m.order = map[string]store.Job{}, map[string]int{}
	}
	m.jobs[j.ID] = j
	m.order[j.ID] = len(m.order)
	return nil
}

// ReadJob implements store.Jobs.
func (m *Memory) ReadJob(ctx context.Context, id string) (store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j, ok := m.jobs[id]
	if !ok {
		return store.Job{}, store.ErrNotFound
	}
	return j, nil
}

// ListJobs implements store.Jobs.
func (m *Memory) ListJobs(ctx context.Context, kind string, limit int) ([]store.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []store.Job
	for _, j := range m.jobs {
		if kind == "" || j.Kind == kind {
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b store.Job) int { return cmp.Compare(m.order[b.ID], m.order[a.ID]) })
	return list[:min(limit, len(list))], nil
}

// CountJobs implements store.Jobs.
func (m *Memory) CountJobs(ctx context.Context) ([]store.JobCount, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	type group struct {
		kind  string
		state store.JobState
	}
	by := map[group]store.JobCount{}
	for _, j := range m.jobs {
		c, ok := by[group{j.Kind, j.State}]
		if !ok {
			c = store.JobCount{Kind: j.Kind, State: j.State, RunAt: j.RunAt, Lease: j.Lease, Ended: j.Ended}
		}
		c.Count, c.Attempts = c.Count+1, max(c.Attempts, j.Attempt)
		if j.RunAt.Before(c.RunAt) {
			c.RunAt = j.RunAt
		}
		if j.Lease.Before(c.Lease) {
			c.Lease = j.Lease
		}
		if j.Ended.After(c.Ended) {
			c.Ended = j.Ended
		}
		by[group{j.Kind, j.State}] = c
	}
	return slices.SortedFunc(maps.Values(by), func(a, b store.JobCount) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.State, b.State))
	}), nil
}

// LeaseJob implements store.Jobs.
func (m *Memory) LeaseJob(ctx context.Context, kinds []string, holder string, now, until time.Time) (store.Job, error) {
	if err := ctx.Err(); err != nil {
		return store.Job{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var best *store.Job
	for _, j := range m.jobs {
		due := j.State == store.JobReady && !j.RunAt.After(now) || j.State == store.JobRunning && j.Lease.Before(now)
		if !due || !slices.Contains(kinds, j.Kind) {
			continue
		}
		if best == nil || j.RunAt.Before(best.RunAt) || j.RunAt.Equal(best.RunAt) && m.order[j.ID] < m.order[best.ID] {
			best = &j
		}
	}
	if best == nil {
		return store.Job{}, store.ErrNotFound
	}
	best.State, best.Holder, best.Lease = store.JobRunning, holder, until
	best.Attempt++
	m.jobs[best.ID] = *best
	return *best, nil
}

// UpdateJob implements store.Jobs.
func (m *Memory) UpdateJob(ctx context.Context, j store.Job, holder string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.jobs[j.ID]
	if !ok || old.State != store.JobRunning || old.Holder != holder {
		return store.ErrVersion
	}
	old.State, old.Progress, old.Result, old.Error = j.State, j.Progress, j.Result, j.Error
	old.RunAt, old.Lease, old.Ended = j.RunAt, j.Lease, j.Ended
	if j.State != store.JobRunning {
		old.Holder = ""
	}
	m.jobs[j.ID] = old
	return nil
}

// CancelJob implements store.Jobs.
func (m *Memory) CancelJob(ctx context.Context, id string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	j, ok := m.jobs[id]
	if !ok {
		return store.ErrNotFound
	}
	if j.State != store.JobReady && j.State != store.JobRunning {
		return store.ErrVersion
	}
	j.State, j.Ended, j.Holder, j.Lease = store.JobCancelled, now, "", time.Time{}
	m.jobs[id] = j
	return nil
}

// DeleteJob implements store.Jobs.
func (m *Memory) DeleteJob(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.jobs[id]; !ok {
		return store.ErrNotFound
	}
	delete(m.jobs, id)
	return nil
}
