package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Work is a job in the hands of its handler. Its methods are safe for
// concurrent use.
type Work struct {
	config *Config
	holder string
	stop   context.CancelCauseFunc
	leased store.Job // as it was leased; never changed

	mu       sync.Mutex
	job      store.Job // as it was written last
	progress envelope
	ended    bool
}

// ID names the job.
func (w *Work) ID() string { return w.leased.ID }

// Attempt is 1 at the first try.
func (w *Work) Attempt() int { return w.leased.Attempt }

// Created is when the job was made.
func (w *Work) Created() time.Time { return w.leased.Created }

// Args decodes the job's arguments.
func (w *Work) Args(into any) error {
	if err := json.Unmarshal(w.leased.Args, into); err != nil {
		return Permanent(fmt.Errorf("jobs: arguments of %s: %w", w.leased.Kind, err))
	}
	return nil
}

// Progress decodes what an earlier attempt saved, and says whether there is
// any.
func (w *Work) Progress(into any) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.progress.State == nil {
		return false, nil
	}
	if err := json.Unmarshal(w.progress.State, into); err != nil {
		return false, Permanent(fmt.Errorf("jobs: progress of %s: %w", w.leased.Kind, err))
	}
	return true, nil
}

// Save keeps state durably for the next attempt and renews the lease. After
// ErrLost the handler must stop: the job is no longer its own.
func (w *Work) Save(ctx context.Context, state any) error {
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("jobs: progress of %s: %w", w.leased.Kind, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress = envelope{Spared: w.leased.Attempt - 1, State: text}
	return w.renew(ctx)
}

// SetResult sets what the job leaves behind when it ends well.
func (w *Work) SetResult(result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("jobs: result of %s: %w", w.leased.Kind, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.job.Result = text
	return nil
}

// heartbeat renews the lease until ctx ends.
func (w *Work) heartbeat(ctx context.Context) {
	ticker := time.NewTicker(w.config.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.mu.Lock()
			err := w.renew(ctx)
			expired := w.config.now().After(w.job.Lease)
			w.mu.Unlock()
			if err != nil && ctx.Err() == nil {
				w.config.Log.WarnContext(ctx, "job lease not renewed", "job", w.leased.ID, "kind", w.leased.Kind, "error", err)
				if expired {
					w.stop(ErrLost)
				}
			}
		}
	}
}

// renew writes the job with a new lease; w.mu is held.
func (w *Work) renew(ctx context.Context) error {
	if w.ended {
		return ErrLost
	}
	next := w.job
	next.State = store.JobRunning
	next.Lease = w.config.now().Add(w.config.Lease)
	return w.write(ctx, next)
}

// end writes the job's end, or its return to the queue.
func (w *Work) end(ctx context.Context, change func(*store.Job, *envelope)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return ErrLost
	}
	w.ended = true
	next := w.job
	change(&next, &w.progress)
	return w.write(ctx, next)
}

func (w *Work) write(ctx context.Context, next store.Job) error {
	text, err := json.Marshal(w.progress)
	if err != nil {
		return err
	}
	next.Progress = text
	err = w.config.Store.UpdateJob(ctx, next, w.holder)
	if errors.Is(err, store.ErrVersion) || errors.Is(err, store.ErrNotFound) {
		w.ended = true
		w.stop(ErrLost)
		return ErrLost
	}
	if err == nil {
		w.job = next
	}
	return err
}
