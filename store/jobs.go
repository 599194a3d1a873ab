package store

import (
	"context"
	"time"
)

// JobState is the state of a Job.
type JobState string

// States: a job is Ready until leased, Running while leased, and ends Done,
// Failed or Cancelled.
const (
	JobReady     JobState = "ready"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Job is one piece of durable work.
type Job struct {
	ID       string
	Kind     string
	State    JobState
	Args     []byte // JSON, fixed at creation
	Progress []byte // JSON, written by the worker: where to resume
	Result   []byte // JSON, at the end
	Error    string // of the last attempt
	Attempt  int    // 1 at the first lease
	Max      int    // attempts allowed
	RunAt    time.Time
	Lease    time.Time // until when the worker holds it
	Holder   string    // token of the lease
	Created  time.Time
	Ended    time.Time
}

// Jobs keeps durable work. Times come from the caller, so the store needs no
// clock of its own.
type Jobs interface {
	CreateJob(ctx context.Context, j Job) error // an ID that exists already is ErrVersion
	ReadJob(ctx context.Context, id string) (Job, error)
	ListJobs(ctx context.Context, kind string, limit int) ([]Job, error) // newest first; kind "" for all
	// LeaseJob takes the oldest due job of one of kinds (Ready with RunAt <=
	// now, or Running with an expired lease), marks it Running and counts the
	// attempt; ErrNotFound when there is none. Two callers never get the same.
	LeaseJob(ctx context.Context, kinds []string, holder string, now, until time.Time) (Job, error)
	// UpdateJob writes State, Progress, Result, Error, RunAt, Lease, Ended of
	// a job that holder still holds; ErrVersion when the lease was lost or the
	// job was cancelled.
	UpdateJob(ctx context.Context, j Job, holder string) error
	// CancelJob cancels a job that has not ended; ErrVersion otherwise,
	// ErrNotFound when there is none.
	CancelJob(ctx context.Context, id string, now time.Time) error
	DeleteJob(ctx context.Context, id string) error // ErrNotFound
	// ClockAhead is how far the clock that all processes of a store share is ahead of
	// this process's: 0 where there is one process, or where they hardly differ.
	ClockAhead(ctx context.Context) (time.Duration, error)
	// CountJobs counts all jobs by kind and state, in their order.
	CountJobs(ctx context.Context) ([]JobCount, error)
}

// JobCount is how many jobs of a kind are in a state.
type JobCount struct {
	Kind  string
	State JobState
	Count int64
	// RunAt and Lease are the earliest of them, Ended the latest; Attempts is the most
	// that one of them had.
	RunAt, Lease, Ended time.Time
	Attempts            int
}
