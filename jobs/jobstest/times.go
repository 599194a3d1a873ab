package jobstest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/store"
)

// wrongClock is a store as a process sees it whose clock is ahead.
type wrongClock struct {
	store.Jobs
	ahead time.Duration
}

func (w wrongClock) ClockAhead(ctx context.Context) (time.Duration, error) {
	ahead, err := w.Jobs.ClockAhead(ctx)
	return ahead - w.ahead, err
}

func (w wrongClock) now() time.Time { return time.Now().Add(w.ahead) }

// Two processes whose clocks are two minutes apart share jobs: neither takes the
// other's for lost, and what one orders the other does at once.
func clocks(t *testing.T, a, b store.Jobs) {
	var runs atomic.Int32
	handlers := map[string]jobs.Handler{"long": func(ctx context.Context, w *jobs.Work) error {
		runs.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2*lease + lease/2):
			return nil
		}
	}}
	fast, slow := wrongClock{a, time.Minute}, wrongClock{b, -time.Minute}
	run := func(s wrongClock) func() {
		c := config(s, handlers)
		c.Clock = s.now
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := jobs.NewRunner(c).Run(ctx); err != nil {
				t.Error(err)
			}
		})
		halt := func() { stop(); running.Wait() }
		t.Cleanup(halt)
		return halt
	}
	run(slow)
	id, err := jobs.Enqueue(t.Context(), fast, jobs.Job{Kind: "long"}, fast.now())
	if err != nil {
		t.Fatal(err)
	}
	await(t, a, id, store.JobRunning)
	run(fast)
	await(t, a, id, store.JobDone)
	if runs.Load() != 1 {
		t.Errorf("ran %d times", runs.Load())
	}
}

func delayed(t *testing.T, a, b store.Jobs) {
	at := time.Now().Add(15 * poll)
	var ran atomic.Int64
	start(t, a, map[string]jobs.Handler{"later": func(ctx context.Context, w *jobs.Work) error {
		ran.Store(time.Now().UnixNano())
		return nil
	}})
	await(t, b, enqueue(t, a, jobs.Job{Kind: "later", RunAt: at}), store.JobDone)
	if ran.Load() < at.UnixNano() {
		t.Errorf("ran %v early", at.Sub(time.Unix(0, ran.Load())))
	}
}

func later(t *testing.T, a, b store.Jobs) {
	var times atomic.Int64
	start(t, a, map[string]jobs.Handler{"later": func(ctx context.Context, w *jobs.Work) error {
		if times.Add(1) <= 3 {
			return jobs.Later(poll)
		}
		return nil
	}})
	j := await(t, b, enqueue(t, a, jobs.Job{Kind: "later", Max: 1}), store.JobDone)
	if times.Load() != 4 || j.Error != "" {
		t.Errorf("%d times: %+v", times.Load(), j)
	}
}
