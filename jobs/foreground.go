package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Do runs one job in the foreground: for commands that wait for their work.
// The job's kind must be its own, so that nobody else takes it. If a job of
// that id exists, its progress is taken up, be it that a former command was
// killed, failed or was stopped; one that is done is replaced by a new one.
// While another process holds the job, Do waits and tells waiting until when
// its lease runs. One attempt is made: the handler's error is Do's.
func Do(ctx context.Context, c Config, j Job, handler Handler, waiting func(until time.Time)) error {
	c.Handlers = map[string]Handler{j.Kind: handler}
	r := NewRunner(c)
	if err := r.prepare(ctx, j); err != nil {
		return err
	}
	for {
		w, err := r.lease(ctx)
		if err == nil {
			return r.once(ctx, w)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		held, err := c.Store.ReadJob(ctx, j.ID)
		if err != nil {
			return err
		}
		if held.State != store.JobRunning && held.State != store.JobReady {
			return fmt.Errorf("job %s: %w", j.ID, ErrLost)
		}
		if waiting != nil && held.State == store.JobRunning {
			waiting(held.Lease)
		}
		if !r.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// prepare makes sure that there is a due job of j's id.
func (r *Runner) prepare(ctx context.Context, j Job) error {
	if err := r.compareClocks(ctx); err != nil {
		return err
	}
	s, now := r.config.Store, r.config.now()
	old, err := s.ReadJob(ctx, j.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		_, err = Enqueue(ctx, s, j, r.config.Clock())
		return err
	case err != nil:
		return err
	case old.State == store.JobRunning || old.State == store.JobReady && !old.RunAt.After(now):
		return nil
	}
	// It has ended, or waits for a later attempt: a new one takes its place,
	// with its progress unless it was done.
	if err := s.DeleteJob(ctx, j.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if _, err := Enqueue(ctx, s, j, r.config.Clock()); err != nil || old.State == store.JobDone || len(old.Progress) == 0 {
		return err
	}
	w, err := r.lease(ctx)
	if err != nil {
		return err
	}
	w.stop = func(error) {}
	return w.end(ctx, func(next *store.Job, p *envelope) {
		p.State, p.Spared = Progress(old), next.Attempt
		next.State, next.RunAt, next.Lease = store.JobReady, now, time.Time{}
	})
}

// once runs a leased job and returns its handler's error.
func (r *Runner) once(ctx context.Context, w *Work) error {
	var outcome error
	handler := r.config.Handlers[w.leased.Kind]
	r.config.Handlers[w.leased.Kind] = func(ctx context.Context, w *Work) error {
		outcome = handler(ctx, w)
		return outcome
	}
	r.do(ctx, w)
	if outcome == nil && w.job.State != store.JobDone {
		return fmt.Errorf("job %s: %s", w.job.ID, w.job.Error)
	}
	return outcome
}
