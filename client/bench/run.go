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
	sample   *sample // what searches ask for; nil until one is measured
}

// patient is what a workload has to know to ask about one.
type patient struct {
	id           string
	family, born string
	encounters   []string
	observations []string
}

// complete says whether the workloads can ask about the patient.
func (p patient) complete() bool {
	return p.id != "" && p.family != "" && p.born != "" && len(p.encounters) > 0 && len(p.observations) > 0
}

// remember keeps a patient for the workloads that read, unless there are many.
func (r *run) remember(p patient) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.patients) < mostPatients {
		r.patients = append(r.patients, p)
	}
}

// worker is one connection's share of the work. Not safe for concurrent use.
type worker struct {
	*run
	wire    *wire
	rand    *rand.Rand
	count   bool // whether the measured time has begun
	fills   bool // whether it fills the server, which nobody measures
	times   []time.Duration
	failed  int
	example error
	done    int    // resources written while counting
	hits    int    // counted by the server in answer to what was counted here
	bundled []byte // the last Bundle of a population
}

func newRun(o Options, base *url.URL) *run { return &run{o: o, base: base} }

func (r *run) logf(format string, args ...any) { fmt.Fprintf(r.o.Log, format+"\n", args...) }

func (r *run) worker(n int) *worker {
	return &worker{run: r, wire: newWire(r.base, r.o.Token), rand: rand.New(rand.NewPCG(r.o.Seed, uint64(n)))}
}

// measure runs one workload on o.Concurrency workers for the warm-up and the
// duration.
func (r *run) measure(ctx context.Context, load Workload) (Result, error) {
	if load.whole != nil {
		return load.whole(ctx, r)
	}
	result := Result{Workload: load.Name, Resources: r.written}
	step := load.step
	if load.prepare != nil {
		asked, err := load.prepare(ctx, r)
		if refused, ok := errors.AsType[*refusal](err); ok {
			result.NotAnswered = refused.Error()
			return result, nil
		}
		if err != nil {
			return result, fmt.Errorf("bench: %s: %w", load.Name, err)
		}
		step, result.Size, result.Note = asked.step, asked.size, asked.note
		if asked.end != nil {
			defer asked.end()
		}
	}
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
				if err := step(ctx, w); err != nil && ctx.Err() == nil && w.count {
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
	hits := 0
	for _, w := range workers {
		times = append(times, w.times...)
		result.Failed += w.failed
		result.Written += w.done
		hits += w.hits
		if w.example != nil && result.Error == "" {
			result.Error = w.example.Error()
		}
	}
	slices.Sort(times)
	result.Requests = len(times) + result.Failed
	result.PerSecond = float64(len(times)) / result.Elapsed.Seconds()
	result.HitsPerSecond = float64(hits) / result.Elapsed.Seconds()
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
