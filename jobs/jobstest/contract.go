package jobstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/store"
)

// The times of the contract: short, so that it is quick, and long enough for
// a busy machine.
const (
	lease   = 600 * time.Millisecond
	poll    = 20 * time.Millisecond
	patient = 20 * time.Second
)

// Run checks the contract. open returns two handles of the same store, as two
// processes would have them; for a store within one process they may be the
// same. Each call of open gives an empty store.
func Run(t *testing.T, open func(t *testing.T) (a, b store.Jobs)) {
	tests := []struct {
		name string
		test func(t *testing.T, a, b store.Jobs)
	}{
		{"AJobRunsWithItsArgumentsAndLeavesItsResult", argumentsAndResult},
		{"EachJobIsDoneOnceByTwoProcesses", onceByTwo},
		{"AJobGoesOnFromItsProgressAfterACrash", resume},
		{"AWorkerThatLostItsLeaseCannotWrite", lost},
		{"AFailingJobIsTriedAgainAndThenFails", retry},
		{"AProgressingJobDoesNotRunOutOfAttempts", progressing},
		{"APermanentErrorIsNotTriedAgain", permanent},
		{"APanicIsAnError", panicking},
		{"ACancelledJobStopsAndStaysCancelled", cancel},
		{"AShutdownGivesTheJobBackUnharmed", shutdown},
		{"ALongJobKeepsItsLease", long},
		{"AClockThatIsAMinuteFastOrSlowTakesNothingAway", clocks},
		{"AJobWaitsForItsTime", delayed},
		{"AJobThatGoesOnLaterSpendsNoAttempt", later},
		{"AllJobsOfAKindAreListed", all},
		{"JobsOfOtherKindsAreLeftAlone", kinds},
		{"ADeadWorkersJobEndsWhenItsAttemptsAreSpent", poisoned},
		{"ACommandTakesUpItsJobInTheForeground", foreground},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			a, b := open(t)
			c.test(t, a, b)
		})
	}
}

// start runs a Runner until the test ends or the returned function is called.
func start(t *testing.T, s store.Jobs, handlers map[string]jobs.Handler) (*jobs.Runner, func()) {
	t.Helper()
	r := jobs.NewRunner(config(s, handlers))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	halt := func() { stop(); running.Wait() }
	t.Cleanup(halt)
	return r, halt
}

func config(s store.Jobs, handlers map[string]jobs.Handler) jobs.Config {
	return jobs.Config{Store: s, Handlers: handlers, Workers: 4, Lease: lease, Poll: poll,
		Backoff: func(n int) time.Duration { return time.Duration(n) * poll }}
}

func enqueue(t *testing.T, s store.Jobs, j jobs.Job) string {
	t.Helper()
	id, err := jobs.Enqueue(t.Context(), s, j, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// await waits until a job is in a state.
func await(t *testing.T, s store.Jobs, id string, state store.JobState) store.Job {
	t.Helper()
	deadline := time.Now().Add(patient)
	for {
		j, err := s.ReadJob(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if j.State == state {
			return j
		}
		if time.Now().After(deadline) {
			t.Fatalf("job %s is %s (attempt %d, error %q), want %s", id, j.State, j.Attempt, j.Error, state)
		}
		time.Sleep(poll / 2)
	}
}

func argumentsAndResult(t *testing.T, a, b store.Jobs) {
	r, _ := start(t, a, map[string]jobs.Handler{"add": func(ctx context.Context, w *jobs.Work) error {
		var args []int
		if err := w.Args(&args); err != nil {
			return err
		}
		return w.SetResult(args[0] + args[1])
	}})
	id, err := r.Enqueue(t.Context(), jobs.Job{Kind: "add", Args: []int{2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if j := await(t, b, id, store.JobDone); string(j.Result) != "5" || j.Ended.IsZero() || j.Attempt != 1 {
		t.Errorf("done as %+v", j)
	}
	if _, err := r.Enqueue(t.Context(), jobs.Job{ID: id, Kind: "add"}); !errors.Is(err, store.ErrVersion) {
		t.Errorf("the same id again: %v", err)
	}
}

func onceByTwo(t *testing.T, a, b store.Jobs) {
	const n = 120
	var done [n]atomic.Int32
	handlers := map[string]jobs.Handler{"count": func(ctx context.Context, w *jobs.Work) error {
		var i int
		if err := w.Args(&i); err != nil {
			return err
		}
		done[i].Add(1)
		return nil
	}}
	var ids []string
	for i := range n {
		ids = append(ids, enqueue(t, a, jobs.Job{Kind: "count", Args: i}))
	}
	start(t, a, handlers)
	start(t, b, handlers)
	for _, id := range ids {
		await(t, a, id, store.JobDone)
	}
	for i := range done {
		if k := done[i].Load(); k != 1 {
			t.Errorf("job %d was done %d times", i, k)
		}
	}
}

// dying is a store whose process dies: from then on nothing reaches it.
type dying struct {
	store.Jobs
	dead atomic.Bool
}

var errDead = errors.New("the process is dead")

func (d *dying) UpdateJob(ctx context.Context, j store.Job, holder string) error {
	if d.dead.Load() {
		return errDead
	}
	return d.Jobs.UpdateJob(ctx, j, holder)
}

func (d *dying) LeaseJob(ctx context.Context, kinds []string, holder string, now, until time.Time) (store.Job, error) {
	if d.dead.Load() {
		return store.Job{}, errDead
	}
	return d.Jobs.LeaseJob(ctx, kinds, holder, now, until)
}

func resume(t *testing.T, a, b store.Jobs) {
	first := &dying{Jobs: a}
	died := make(chan struct{})
	start(t, first, map[string]jobs.Handler{"walk": func(ctx context.Context, w *jobs.Work) error {
		if err := w.Save(ctx, 41); err != nil {
			return err
		}
		first.dead.Store(true)
		close(died)
		<-ctx.Done()
		return ctx.Err()
	}})
	id := enqueue(t, a, jobs.Job{Kind: "walk"})
	<-died
	start(t, b, map[string]jobs.Handler{"walk": func(ctx context.Context, w *jobs.Work) error {
		var at int
		if found, err := w.Progress(&at); err != nil || !found {
			return fmt.Errorf("no progress: %w", err)
		}
		return w.SetResult(at + w.Attempt())
	}})
	if j := await(t, b, id, store.JobDone); string(j.Result) != "43" {
		t.Errorf("resumed with result %s, want 43: progress 41 at attempt 2", j.Result)
	}
}

func lost(t *testing.T, a, b store.Jobs) {
	id := enqueue(t, a, jobs.Job{Kind: "slow"})
	now := time.Now()
	old, err := a.LeaseJob(t.Context(), []string{"slow"}, "first", now, now.Add(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Second)
	if _, err := b.LeaseJob(t.Context(), []string{"slow"}, "second", later, later.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	old.State = store.JobDone
	if err := a.UpdateJob(t.Context(), old, "first"); !errors.Is(err, store.ErrVersion) {
		t.Errorf("the first holder still writes: %v", err)
	}
	if j, err := a.ReadJob(t.Context(), id); err != nil || j.State != store.JobRunning || j.Attempt != 2 {
		t.Errorf("%+v, %v", j, err)
	}
}

func retry(t *testing.T, a, b store.Jobs) {
	var tries atomic.Int32
	start(t, a, map[string]jobs.Handler{"fail": func(ctx context.Context, w *jobs.Work) error {
		return fmt.Errorf("try %d went wrong", tries.Add(1))
	}})
	id := enqueue(t, a, jobs.Job{Kind: "fail", Max: 3})
	if j := await(t, b, id, store.JobFailed); tries.Load() != 3 || j.Error != "try 3 went wrong" || j.Ended.IsZero() {
		t.Errorf("after %d tries: %+v", tries.Load(), j)
	}
}

func progressing(t *testing.T, a, b store.Jobs) {
	start(t, a, map[string]jobs.Handler{"steps": func(ctx context.Context, w *jobs.Work) error {
		var at int
		if _, err := w.Progress(&at); err != nil {
			return err
		}
		if at == 6 {
			return nil
		}
		if err := w.Save(ctx, at+1); err != nil {
			return err
		}
		return errors.New("one step an attempt")
	}})
	id := enqueue(t, a, jobs.Job{Kind: "steps", Max: 2})
	if j := await(t, b, id, store.JobDone); string(jobs.Progress(j)) != "6" || j.Attempt != 7 {
		t.Errorf("progress %s at attempt %d", jobs.Progress(j), j.Attempt)
	}
}

func permanent(t *testing.T, a, b store.Jobs) {
	start(t, a, map[string]jobs.Handler{"bad": func(ctx context.Context, w *jobs.Work) error {
		return jobs.Permanent(errors.New("no such file"))
	}})
	if j := await(t, b, enqueue(t, a, jobs.Job{Kind: "bad"}), store.JobFailed); j.Attempt != 1 || j.Error != "no such file" {
		t.Errorf("%+v", j)
	}
}

func panicking(t *testing.T, a, b store.Jobs) {
	start(t, a, map[string]jobs.Handler{"wild": func(ctx context.Context, w *jobs.Work) error { panic("boo") }})
	if j := await(t, b, enqueue(t, a, jobs.Job{Kind: "wild", Max: 1}), store.JobFailed); !strings.Contains(j.Error, "boo") {
		t.Errorf("%+v", j)
	}
}

func cancel(t *testing.T, a, b store.Jobs) {
	began, cause := make(chan struct{}), make(chan error, 1)
	start(t, a, map[string]jobs.Handler{"endless": func(ctx context.Context, w *jobs.Work) error {
		close(began)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}})
	id := enqueue(t, a, jobs.Job{Kind: "endless"})
	<-began
	other := jobs.NewRunner(config(b, nil))
	if err := other.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-cause:
		if !errors.Is(err, jobs.ErrLost) {
			t.Errorf("cause %v", err)
		}
	case <-time.After(patient):
		t.Fatal("the handler goes on")
	}
	time.Sleep(3 * poll)
	await(t, a, id, store.JobCancelled)
	if err := other.Cancel(t.Context(), id); !errors.Is(err, store.ErrVersion) {
		t.Errorf("cancelling again: %v", err)
	}
}

func shutdown(t *testing.T, a, b store.Jobs) {
	id := enqueue(t, a, jobs.Job{Kind: "work", Max: 1})
	for range 3 {
		began := make(chan struct{})
		_, halt := start(t, a, map[string]jobs.Handler{"work": func(ctx context.Context, w *jobs.Work) error {
			close(began)
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), jobs.ErrShutdown) {
				t.Errorf("cause %v", context.Cause(ctx))
			}
			return ctx.Err()
		}})
		<-began
		halt()
		await(t, b, id, store.JobReady)
	}
	start(t, b, map[string]jobs.Handler{"work": func(ctx context.Context, w *jobs.Work) error { return nil }})
	if j := await(t, a, id, store.JobDone); j.Attempt != 4 {
		t.Errorf("attempt %d", j.Attempt)
	}
}

func long(t *testing.T, a, b store.Jobs) {
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
	start(t, a, handlers)
	start(t, b, handlers)
	await(t, a, enqueue(t, a, jobs.Job{Kind: "long"}), store.JobDone)
	if runs.Load() != 1 {
		t.Errorf("ran %d times", runs.Load())
	}
}

func all(t *testing.T, a, b store.Jobs) {
	const many = 1100
	for range many {
		enqueue(t, a, jobs.Job{Kind: "many"})
	}
	enqueue(t, a, jobs.Job{Kind: "other"})
	for kind, want := range map[string]int{"many": many, "other": 1, "": many + 1, "none": 0} {
		if list, err := jobs.All(t.Context(), b, kind); err != nil || len(list) != want {
			t.Errorf("%d jobs of the kind %q, not %d: %v", len(list), kind, want, err)
		}
	}
}

func kinds(t *testing.T, a, b store.Jobs) {
	start(t, a, map[string]jobs.Handler{"mine": func(ctx context.Context, w *jobs.Work) error { return nil }})
	theirs := enqueue(t, a, jobs.Job{Kind: "theirs"})
	await(t, b, enqueue(t, a, jobs.Job{Kind: "mine"}), store.JobDone)
	if j := await(t, b, theirs, store.JobReady); j.Attempt != 0 {
		t.Errorf("%+v", j)
	}
	list, err := b.ListJobs(t.Context(), "mine", 10)
	if err != nil || len(list) != 1 {
		t.Errorf("%d jobs of a kind, %v", len(list), err)
	}
}

func poisoned(t *testing.T, a, b store.Jobs) {
	id := enqueue(t, a, jobs.Job{Kind: "poison", Max: 2})
	past := time.Now().Add(-time.Hour)
	for range 2 { // two workers that died with it
		if _, err := a.LeaseJob(t.Context(), []string{"poison"}, "dead", time.Now(), past); err != nil {
			t.Fatal(err)
		}
	}
	start(t, b, map[string]jobs.Handler{"poison": func(ctx context.Context, w *jobs.Work) error {
		t.Error("tried a third time")
		return nil
	}})
	if j := await(t, b, id, store.JobFailed); !strings.Contains(j.Error, "gave up") {
		t.Errorf("%+v", j)
	}
}

func foreground(t *testing.T, a, b store.Jobs) {
	job := jobs.Job{ID: "command-1", Kind: "command-1"}
	broken := errors.New("disk on fire")
	err := jobs.Do(t.Context(), config(a, nil), job, func(ctx context.Context, w *jobs.Work) error {
		return errors.Join(w.Save(ctx, "half"), broken)
	}, nil)
	if !errors.Is(err, broken) {
		t.Fatalf("the handler's error is %v", err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	err = jobs.Do(ctx, config(b, nil), job, func(ctx context.Context, w *jobs.Work) error {
		interrupt()
		<-ctx.Done()
		return context.Cause(ctx)
	}, nil)
	if !errors.Is(err, jobs.ErrShutdown) {
		t.Fatalf("interrupted with %v", err)
	}
	finish := func(want string) {
		t.Helper()
		err := jobs.Do(t.Context(), config(a, nil), job, func(ctx context.Context, w *jobs.Work) error {
			var at string
			if _, err := w.Progress(&at); err != nil || at != want {
				t.Errorf("progress %q (%v), want %q", at, err, want)
			}
			return nil
		}, nil)
		if err != nil {
			t.Error(err)
		}
	}
	finish("half")
	finish("") // a command that was done starts anew

	// A command that is killed holds its lease until it expires.
	now := time.Now()
	if _, err := jobs.Enqueue(t.Context(), b, jobs.Job{ID: "command-2", Kind: "command-2"}, now); err != nil {
		t.Fatal(err)
	}
	if _, err := b.LeaseJob(t.Context(), []string{"command-2"}, "killed", now, now.Add(lease)); err != nil {
		t.Fatal(err)
	}
	waited := false
	err = jobs.Do(t.Context(), config(a, nil), jobs.Job{ID: "command-2", Kind: "command-2"},
		func(ctx context.Context, w *jobs.Work) error { return nil }, func(until time.Time) { waited = true })
	if err != nil || !waited || time.Since(now) < lease/2 {
		t.Errorf("after %v, waited %v: %v", time.Since(now), waited, err)
	}
}
