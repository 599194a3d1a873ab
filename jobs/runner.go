package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// Config is what a Runner needs.
type Config struct {
	Store    store.Jobs
	Handlers map[string]Handler // by kind
	Clock    func() time.Time   // nil: time.Now
	Workers  int                // jobs at a time; 0: 2
	Lease    time.Duration      // how long a silent worker keeps its job; 0: DefaultLease
	Poll     time.Duration      // how often an idle Runner looks; 0: DefaultPoll
	// Backoff is the time before attempt n+1; nil: one second doubling up to
	// ten minutes. Half of it, or half more, is drawn by chance.
	Backoff func(n int) time.Duration
	Log     *slog.Logger // nil: nothing is logged; arguments never are
	Traces  *span.Tracer // makes a trace of each attempt; nil: none

	ahead *atomic.Int64 // nanoseconds by which the store's clock is ahead of Clock
}

// now is the time by the clock that all workers of the store share, so that none
// takes another's job for lost since its own clock is fast.
func (c *Config) now() time.Time { return c.Clock().Add(time.Duration(c.ahead.Load())) }

// Runner works off the jobs of one store. Several Runners, in one process or
// many, may share a store.
type Runner struct {
	config Config
	kinds  []string
	wake   chan struct{}

	mu      sync.Mutex
	running map[string]*Work
	asked   time.Time // when the store was last asked for its clock; of lease alone
}

// clockEvery is how often a Runner compares its clock with the store's.
const clockEvery = 10 * time.Second

// NewRunner makes a Runner; Run starts it.
func NewRunner(c Config) *Runner {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Backoff == nil {
		c.Backoff = backoff
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Workers = cmp.Or(c.Workers, 2)
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.Poll = cmp.Or(c.Poll, DefaultPoll)
	c.ahead = new(atomic.Int64)
	return &Runner{
		config: c, kinds: slices.Sorted(maps.Keys(c.Handlers)),
		wake: make(chan struct{}, 1), running: map[string]*Work{},
	}
}

func backoff(n int) time.Duration {
	return min(time.Second<<min(n-1, 20), 10*time.Minute)
}

// Enqueue stores a job and has this Runner look for it at once.
func (r *Runner) Enqueue(ctx context.Context, j Job) (string, error) {
	id, err := Enqueue(ctx, r.config.Store, j, r.config.Clock())
	if err == nil {
		r.nudge()
	}
	return id, err
}

// Cancel cancels a job; when it runs in this Runner its handler's context
// ends at once, in another within a third of the lease. A job that has ended
// is store.ErrVersion.
func (r *Runner) Cancel(ctx context.Context, id string) error {
	if err := r.config.Store.CancelJob(ctx, id, r.config.now()); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.running[id]; w != nil {
		w.stop(ErrLost)
	}
	return nil
}

// Run works until ctx ends, then ends the handlers' contexts, waits for them
// and gives their jobs back to the queue. A given-back job has lost no
// attempt. The error is nil unless the configuration is unusable.
func (r *Runner) Run(ctx context.Context) error {
	if len(r.kinds) == 0 {
		return errors.New("jobs: no handlers")
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, r.config.Workers)
	for {
		select {
		case <-ctx.Done():
			return nil
		case slots <- struct{}{}:
		}
		w, err := r.lease(ctx)
		if err != nil {
			<-slots
			if !errors.Is(err, store.ErrNotFound) && ctx.Err() == nil {
				r.config.Log.WarnContext(ctx, "jobs cannot be leased", "error", err)
			}
			if !r.pause(ctx) {
				return nil
			}
			continue
		}
		workers.Go(func() {
			defer func() { <-slots; r.nudge() }()
			r.do(ctx, w)
		})
	}
}

// nudge ends the pause of Run.
func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) pause(ctx context.Context) bool {
	timer := time.NewTimer(jitter(r.config.Poll))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-r.wake:
	}
	return true
}

// jitter draws a time between half of d and one and a half of it.
func jitter(d time.Duration) time.Duration {
	if d <= 1 {
		return d
	}
	return d/2 + rand.N(d) //nolint:gosec // nothing is secret about a delay
}

func (r *Runner) lease(ctx context.Context) (*Work, error) {
	holder, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	if err := r.compareClocks(ctx); err != nil {
		return nil, err
	}
	now := r.config.now()
	job, err := r.config.Store.LeaseJob(ctx, r.kinds, holder.String(), now, now.Add(r.config.Lease))
	if err != nil {
		return nil, err
	}
	w := &Work{config: &r.config, holder: holder.String(), leased: job, job: job}
	if len(job.Progress) > 0 {
		if err := json.Unmarshal(job.Progress, &w.progress); err != nil {
			r.config.Log.WarnContext(ctx, "progress of a job cannot be read; it starts anew", "job", job.ID, "error", err)
		}
	}
	return w, nil
}

// compareClocks asks the store for its clock now and then.
func (r *Runner) compareClocks(ctx context.Context) error {
	now := r.config.Clock()
	if !r.asked.IsZero() && now.Sub(r.asked).Abs() < clockEvery {
		return nil
	}
	ahead, err := r.config.Store.ClockAhead(ctx)
	if err != nil {
		return err
	}
	if was := r.config.ahead.Swap(int64(ahead)); time.Duration(was-int64(ahead)).Abs() > time.Second {
		r.config.Log.WarnContext(ctx, "the clock of this process and that of the database differ", "database_ahead", ahead)
	}
	r.asked = now
	return nil
}

// do runs a leased job to its end or back into the queue.
func (r *Runner) do(ctx context.Context, w *Work) {
	// The job's end is written although ctx has ended.
	lasting := context.WithoutCancel(ctx)
	work, stop := context.WithCancelCause(lasting)
	defer stop(nil)
	w.stop = stop
	unlink := context.AfterFunc(ctx, func() { stop(ErrShutdown) })
	defer unlink()

	r.mu.Lock()
	r.running[w.leased.ID] = w
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.running, w.leased.ID)
		r.mu.Unlock()
	}()

	var err error
	if used := w.leased.Attempt - w.progress.Spared; w.leased.Max > 0 && used > w.leased.Max {
		err = Permanent(fmt.Errorf("gave up: %d attempts ended without a word from their worker", used-1))
	} else {
		var beat sync.WaitGroup
		beating, silence := context.WithCancel(work)
		beat.Go(func() { w.heartbeat(beating) })
		err = r.handle(work, w)
		silence()
		beat.Wait()
	}
	r.finish(lasting, work, w, err)
}

// handle calls the handler and makes an error of a panic.
func (r *Runner) handle(ctx context.Context, w *Work) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.config.Log.ErrorContext(ctx, "job handler panicked", "job", w.leased.ID, "kind", w.leased.Kind, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, s := r.config.Traces.Start(ctx, w.leased.Kind, span.Internal, span.Place{})
	defer s.End()
	if s != nil {
		s.Name("job " + w.leased.Kind)
		s.Int("ingle.job.attempt", int64(w.leased.Attempt))
	}
	if err = r.config.Handlers[w.leased.Kind](ctx, w); err != nil && !errors.As(err, new(*later)) {
		s.Fail("the attempt failed")
	}
	return err
}

// finish writes what came of an attempt.
func (r *Runner) finish(ctx, work context.Context, w *Work, err error) {
	now := r.config.now()
	log := r.config.Log.With("job", w.leased.ID, "kind", w.leased.Kind, "attempt", w.leased.Attempt)
	cause := context.Cause(work)
	rest := new(later)
	written := w.end(ctx, func(j *store.Job, p *envelope) {
		j.Lease = time.Time{}
		switch {
		case err == nil:
			j.State, j.Ended, j.Error = store.JobDone, now, ""
			log.InfoContext(ctx, "job done")
		case errors.Is(cause, ErrShutdown):
			p.Spared++
			j.State, j.RunAt = store.JobReady, now
			log.InfoContext(ctx, "job given back")
		case errors.As(err, &rest):
			p.Spared++
			j.State, j.RunAt, j.Error = store.JobReady, now.Add(rest.after), ""
			log.InfoContext(ctx, "job goes on later", "in", rest.after)
		case errors.As(err, new(permanent)) || w.spent(p):
			j.State, j.Ended, j.Error = store.JobFailed, now, err.Error()
			log.ErrorContext(ctx, "job failed", "error", err)
		default:
			wait := jitter(r.config.Backoff(max(j.Attempt-p.Spared, 1)))
			j.State, j.RunAt, j.Error = store.JobReady, now.Add(wait), err.Error()
			log.WarnContext(ctx, "job will be tried again", "error", err, "in", wait)
		}
	})
	if written != nil && !errors.Is(written, ErrLost) {
		log.WarnContext(ctx, "the end of a job was not written; its lease will expire", "error", written)
	}
}

// spent says whether the job has no attempts left.
func (w *Work) spent(p *envelope) bool {
	return w.leased.Max > 0 && w.leased.Attempt-p.Spared >= w.leased.Max
}
