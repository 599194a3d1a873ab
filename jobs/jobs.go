// Package jobs does work that must survive a crash: imports, reindexing,
// deliveries. A job lies in store.Jobs; a Runner leases it, calls the handler
// of its kind, renews the lease while the handler works, and keeps what the
// handler saves, so that whoever leases the job next goes on from there.
//
// A job is done at least once: a worker that loses its lease, because it was
// paused or cut off, may still finish a step that another repeats. Handlers
// save their progress after what it counts is durable, and their steps bear
// being repeated.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/store"
)

// Defaults of a Job and a Config. What a killed worker had is in another's hands
// within DefaultLease and one and a half DefaultPoll.
const (
	DefaultAttempts = 10
	DefaultLease    = 4 * time.Second
	DefaultPoll     = 600 * time.Millisecond
)

// ErrLost is the cause of a handler's ended context when its job was
// cancelled or its lease went to another worker.
var ErrLost = errors.New("jobs: the job was cancelled or leased by another worker")

// ErrShutdown is the cause of a handler's ended context when its Runner stops.
var ErrShutdown = errors.New("jobs: shutting down")

// Handler does one job. It returns nil when the job is done, an error to have
// it tried again later, Later to go on after a while, or Permanent of an error to end it
// as failed. When ctx
// ends it returns soon; context.Cause tells ErrLost from ErrShutdown.
type Handler func(ctx context.Context, w *Work) error

// Permanent marks an error that trying again cannot mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Later is what a handler returns that has nothing to do for a while: the job is taken up
// again after it, by whichever process, and no attempt is counted.
func Later(after time.Duration) error { return &later{after} }

type later struct{ after time.Duration }

func (l *later) Error() string { return "jobs: it goes on in " + l.after.String() }

// Job is work to be done.
type Job struct {
	ID    string    // "": a new UUID
	Kind  string    // names the handler
	Args  any       // stored as JSON
	RunAt time.Time // zero: at once
	Max   int       // attempts in a row without progress; 0: DefaultAttempts
}

// Enqueue stores a job and returns its id. An id that exists is
// store.ErrVersion. A Runner finds the job at its next poll; Runner.Enqueue
// saves the wait.
func Enqueue(ctx context.Context, s store.Jobs, j Job, now time.Time) (string, error) {
	args, err := json.Marshal(j.Args)
	if err != nil {
		return "", fmt.Errorf("jobs: arguments of %s: %w", j.Kind, err)
	}
	if j.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return "", err
		}
		j.ID = id.String()
	}
	if j.Max == 0 {
		j.Max = DefaultAttempts
	}
	if j.RunAt.IsZero() {
		ahead, err := s.ClockAhead(ctx)
		if err != nil {
			return "", err
		}
		j.RunAt = now.Add(ahead)
	}
	return j.ID, s.CreateJob(ctx, store.Job{
		ID: j.ID, Kind: j.Kind, State: store.JobReady, Args: args, Max: j.Max, RunAt: j.RunAt, Created: now,
	})
}

// envelope is what Job.Progress holds.
type envelope struct {
	// Spared counts attempts that do not count against Max: those before the
	// last progress, and those that a shutdown ended.
	Spared int             `json:"spared,omitempty"`
	State  json.RawMessage `json:"state,omitempty"`
}

// Progress returns what a job's handler saved last, nil when nothing was.
func Progress(j store.Job) json.RawMessage {
	var e envelope
	if json.Unmarshal(j.Progress, &e) != nil {
		return nil
	}
	return e.State
}

// allAtOnce is how many jobs All asks for first.
const allAtOnce = 1000

// All are all jobs of a kind that there are, the newest first; kind "" for all kinds.
func All(ctx context.Context, s store.Jobs, kind string) ([]store.Job, error) {
	for limit := allAtOnce; ; limit *= 4 {
		list, err := s.ListJobs(ctx, kind, limit)
		if err != nil || len(list) < limit {
			return list, err
		}
	}
}
