package jobs_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/jobs/jobstest"
	"github.com/inglehealth/ingle/store"
)

func TestTheContractHoldsInMemory(t *testing.T) {
	jobstest.Run(t, func(t *testing.T) (a, b store.Jobs) {
		m := &jobstest.Memory{}
		return m, m
	})
}

func TestDelaysBetweenAttemptsGrowWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Time
		m := &jobstest.Memory{}
		r := jobs.NewRunner(jobs.Config{Store: m, Handlers: map[string]jobs.Handler{"fail": func(ctx context.Context, w *jobs.Work) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			return errors.New("again")
		}}})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = r.Run(ctx) })
		if _, err := r.Enqueue(ctx, jobs.Job{Kind: "fail", Max: 5}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		stop()
		running.Wait()
		if len(at) != 5 {
			t.Fatalf("%d attempts", len(at))
		}
		for i := 1; i < len(at); i++ {
			got, nominal := at[i].Sub(at[i-1]), time.Second<<(i-1)
			if got < nominal/2 || got > nominal*3/2+2*time.Second { // and a poll
				t.Errorf("delay %d is %v, about %v is wanted", i, got, nominal)
			}
		}
	})
}

// unsteady fails every write while broken.
type unsteady struct {
	jobstest.Memory
	broken atomic.Bool
}

func (u *unsteady) UpdateJob(ctx context.Context, j store.Job, holder string) error {
	if u.broken.Load() {
		return errors.New("no connection")
	}
	return u.Memory.UpdateJob(ctx, j, holder)
}

func TestAWorkerCutOffFromTheStoreStopsWhenItsLeaseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unsteady{}
		causes := make(chan error, 1)
		r := jobs.NewRunner(jobs.Config{Store: u, Workers: 1, Handlers: map[string]jobs.Handler{"cut": func(ctx context.Context, w *jobs.Work) error {
			if w.Attempt() > 1 {
				return nil
			}
			u.broken.Store(true)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			u.broken.Store(false)
			return ctx.Err()
		}}})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = r.Run(ctx) })
		id, err := r.Enqueue(ctx, jobs.Job{Kind: "cut"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if cause := <-causes; !errors.Is(cause, jobs.ErrLost) || time.Since(began) > 2*jobs.DefaultLease {
			t.Errorf("stopped after %v by %v", time.Since(began), cause)
		}
		time.Sleep(time.Minute)
		if j, err := u.ReadJob(ctx, id); err != nil || j.State != store.JobDone {
			t.Errorf("%+v, %v", j, err)
		}
		stop()
		running.Wait()
	})
}

func TestARunnerWithoutHandlersIsRefused(t *testing.T) {
	if err := jobs.NewRunner(jobs.Config{Store: &jobstest.Memory{}}).Run(t.Context()); err == nil {
		t.Error("it runs")
	}
}
