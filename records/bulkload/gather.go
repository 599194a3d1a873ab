package bulkload

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/inglehealth/ingle/audit"
)

// group is what is stored together: resources, or one Bundle that is
// processed as it is.
type group struct {
	steps    []*step
	wanted   int64     // resources of the steps
	items    []item    // these and outcomes are ready once done is closed
	outcomes []outcome // of items
	err      error
	trail    *audit.Trail // what was stored; nil when nobody asks
	done     chan struct{}
}

// gatherer forms groups and has them stored, a few at a time.
type gatherer struct {
	l       *load
	wanted  func(file int, ordinal int64) bool
	groups  chan<- *group // for the collector, in order
	forming *group
	slots   chan struct{}
	storing sync.WaitGroup
}

func (g *gatherer) run(ctx context.Context, ordered <-chan *step) error {
	defer g.storing.Wait()
	size, first := int64(g.l.o.Batch), g.l.state.Pass == 1
	if !first {
		size *= 20 // resources that wait for each other had better meet
	}
	for s := range ordered {
		if g.l.reading.Err() != nil {
			return ctx.Err()
		}
		if s.doc != nil && !s.doc.plain() {
			if err := g.alone(ctx, s); err != nil {
				return err
			}
			continue
		}
		if !s.flush {
			g.forming.steps = append(g.forming.steps, s)
			g.forming.wanted += s.wanted
		}
		// Later passes hold resources of several files that refer to each
		// other, so there the end of a file ends no group.
		if s.flush || g.forming.wanted >= size || len(g.forming.steps) >= manySteps || s.end && first {
			if err := g.emit(ctx); err != nil {
				return err
			}
		}
	}
	if g.l.reading.Err() != nil {
		return ctx.Err()
	}
	return g.emit(ctx)
}

// emit has what was gathered stored, resource by resource.
func (g *gatherer) emit(ctx context.Context) error {
	now := g.take()
	switch {
	case len(now.steps) == 0:
		return nil
	case now.wanted == 0:
		close(now.done)
		return g.collect(ctx, now)
	}
	place := g.l.loader.Group()
	return g.start(ctx, now, func(ctx context.Context) error {
		items, err := g.parse(ctx, now.steps)
		if err != nil {
			return err
		}
		now.items = items
		now.outcomes, err = g.l.store(ctx, place, items)
		return err
	})
}

// alone has a Bundle processed as it is while nothing else is stored: what
// comes before it may be what its conditions ask for, and it what comes after
// asks for.
func (g *gatherer) alone(ctx context.Context, s *step) error {
	if err := g.emit(ctx); err != nil {
		return err
	}
	g.storing.Wait()
	defer g.storing.Wait()
	now := g.take()
	now.steps, now.items = []*step{s}, g.entries(s)
	return g.start(ctx, now, func(ctx context.Context) (err error) {
		now.outcomes, err = g.l.process(ctx, s, now.items)
		return err
	})
}

// take returns the group being formed and begins the next one.
func (g *gatherer) take() *group {
	now := g.forming
	g.forming = &group{done: make(chan struct{})}
	if g.l.o.Record != nil {
		now.trail = new(audit.Trail)
	}
	return now
}

// start runs store for a group when there is room.
func (g *gatherer) start(ctx context.Context, now *group, store func(context.Context) error) error {
	g.slots <- struct{}{}
	g.storing.Go(func() {
		defer func() { <-g.slots; close(now.done) }()
		if now.trail != nil {
			now.err = store(audit.WithTrail(ctx, now.trail))
		} else {
			now.err = store(ctx)
		}
	})
	return g.collect(ctx, now)
}

func (g *gatherer) collect(ctx context.Context, now *group) error {
	select {
	case g.groups <- now:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// parse reads the resources of documents that the pass wants.
func (g *gatherer) parse(ctx context.Context, steps []*step) ([]item, error) {
	of := make([][]item, len(steps))
	workers, ctx := errgroup.WithContext(ctx)
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range steps {
		if s.wanted == 0 || ctx.Err() != nil {
			continue
		}
		workers.Go(func() error {
			of[i] = g.l.items(s, g.wanted)
			s.doc = nil
			return ctx.Err()
		})
	}
	err := workers.Wait()
	return slices.Concat(of...), err
}

// entries makes items of the entries of a Bundle that is processed as it is.
func (g *gatherer) entries(s *step) []item {
	var items []item
	for i := range s.doc.entries {
		if ordinal := s.ordinal + int64(i); g.wanted(s.file, ordinal) {
			items = append(items, item{file: s.file, line: s.line, entry: i, ordinal: ordinal})
		}
	}
	return items
}
