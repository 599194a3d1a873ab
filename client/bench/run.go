package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"
)

// run is what the workers of one Run share.
type run struct {
	o    Options
	base *url.URL

	mu       sync.Mutex
	patients []patient // written and still there
	written  int
}

// patient is what a workload has to know to ask about one.
type patient struct {
	id           string
	encounters   []string
	observations []string
}

// worker is one connection's share of the work. Not safe for concurrent use.
type worker struct {
	*run
	wire    *wire
	rand    *rand.Rand
	count   bool // whether the measured time has begun
	times   []time.Duration
	failed  int
	example error
	done    int // resources written while counting
}

func newRun(o Options, base *url.URL) *run { return &run{o: o, base: base} }

func (r *run) logf(format string, args ...any) { fmt.Fprintf(r.o.Log, format+"\n", args...) }

func (r *run) worker(n int) *worker {
	return &worker{run: r, wire: newWire(r.base, r.o.Token), rand: rand.New(rand.NewPCG(r.o.Seed, uint64(n)))}
}

// fill writes whole patients until o.Fill resources are there, and at least
// enough patients for the workloads that read.
func (r *run) fill(ctx context.Context) error {
	start := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, r.o.Concurrency)
	for n := range r.o.Concurrency {
		wg.Go(func() {
			w := r.worker(1_000_000 + n)
			defer w.wire.close()
			for ctx.Err() == nil && r.needsMore() {
				if errs[n] = patientBundle(ctx, w); errs[n] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return fmt.Errorf("bench: filling the server: %w", err)
	}
	r.logf("filled with %d resources of %d patients in %s (%.0f resources/s)", r.written, len(r.patients),
		time.Since(start).Round(time.Millisecond), float64(r.written)/time.Since(start).Seconds())
	return nil
}

func (r *run) needsMore() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written < r.o.Fill || len(r.patients) < 20
}

// measure runs one workload on o.Concurrency workers for the warm-up and the
// duration.
func (r *run) measure(ctx context.Context, load Workload) (Result, error) {
	result := Result{Workload: load.Name, Resources: r.written}
	workers := make([]*worker, r.o.Concurrency)
	begin := time.Now().Add(r.o.Warmup)
	end := begin.Add(r.o.Duration)
	var wg sync.WaitGroup
	for n := range workers {
		w := r.worker(n)
		workers[n] = w
		wg.Go(func() {
			defer w.wire.close()
			for ctx.Err() == nil && time.Now().Before(end) {
				if !w.count && !time.Now().Before(begin) {
					w.count = true
				}
				if err := load.step(ctx, w); err != nil && ctx.Err() == nil && w.count {
					w.failed++
					if w.example == nil {
						w.example = err
					}
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return result, err
	}
	result.Elapsed = time.Since(begin)
	var times []time.Duration
	for _, w := range workers {
		times = append(times, w.times...)
		result.Failed += w.failed
		result.Written += w.done
		if w.example != nil && result.Error == "" {
			result.Error = w.example.Error()
		}
	}
	slices.Sort(times)
	result.Requests = len(times) + result.Failed
	result.PerSecond = float64(len(times)) / result.Elapsed.Seconds()
	result.P50, result.P90, result.P99 = quantile(times, 0.50), quantile(times, 0.90), quantile(times, 0.99)
	return result, nil
}

// quantile returns the value below which share q of sorted times lies.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
