package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// fewest patients that the workloads which read ids are given, and most that are remembered.
const fewestPatients, mostPatients = 20, 2000

// fill writes whole patients until o.Fill resources are there, and at least
// fewest patients.
func (r *run) fill(ctx context.Context, fewest int) error {
	start := time.Now()
	step := patientBundle
	if len(r.o.From) > 0 {
		p := &shared{population: newPopulation(r.o.From, r.o.Seed)}
		defer p.population.close()
		step = p.send
	}
	var wg sync.WaitGroup
	errs := make([]error, r.o.Concurrency)
	for n := range r.o.Concurrency {
		wg.Go(func() {
			w := r.worker(1_000_000 + n)
			w.fills = true
			defer w.wire.close()
			for ctx.Err() == nil && r.needsMore(fewest) {
				if errs[n] = step(ctx, w); errs[n] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range append(errs, ctx.Err()) {
		if err != nil {
			return fmt.Errorf("bench: filling the server: %w", err)
		}
	}
	if r.written > 0 {
		r.logf("filled with %d resources in %s (%.0f resources/s)", r.written,
			time.Since(start).Round(time.Millisecond), float64(r.written)/time.Since(start).Seconds())
	}
	return nil
}

func (r *run) needsMore(fewest int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written < r.o.Fill || len(r.patients) < fewest
}

// shared hands the Bundles of a population to several workers.
type shared struct {
	mu         sync.Mutex
	population *population
}

// send writes the next Bundle. A batch is written before the Bundle after it is
// read, since that may refer to it.
func (s *shared) send(ctx context.Context, w *worker) error {
	s.mu.Lock()
	f, err := s.population.read(w.bundled[:0])
	w.bundled = f.body
	if err != nil || f.batch {
		defer s.mu.Unlock()
	} else {
		s.mu.Unlock()
	}
	if err != nil {
		return err
	}
	_, answer, err := w.do(ctx, http.MethodPost, "", f.body, http.StatusOK)
	if err != nil {
		return err
	}
	p, err := created(f.body, answer)
	if err != nil {
		return err
	}
	w.wrote(f.resources)
	if p.complete() {
		w.remember(p)
	}
	return nil
}
