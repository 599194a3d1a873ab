package bulkload

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
)

// load is one run of the job.
type load struct {
	o       *Options
	defs    *definitions.Definitions
	sources []source
	work    *jobs.Work
	loader  *records.Loader
	state   checkpoint // the collector's
	saved   time.Time  // when the last checkpoint was
	began   time.Time
	report  *os.File
	passed  int64 // bytes of earlier files in this pass
}

// budget bounds the bytes of documents that are held at a time, and inFlight
// the groups of resources that are stored at a time: while one waits for the
// database the next is read and checked.
const (
	budget   = 32 << 20
	inFlight = 2

	manySteps = 1 << 14 // lines of which little or nothing is to be loaded
)

func (l *load) run(ctx context.Context) (err error) {
	l.began = l.o.Clock()
	if err := l.prepareReport(); err != nil {
		return err
	}
	defer func() {
		if l.report != nil {
			err = errors.Join(err, l.report.Close())
		}
	}()
	for {
		if err := l.pass(ctx); err != nil {
			return err
		}
		deferred := l.state.deferred()
		if deferred == 0 {
			return l.checkpoint(ctx)
		}
		// What still waits for others is loaded again as long as that gets
		// anywhere; then it is refused.
		l.state.Final = l.state.Pass > 1 && deferred == l.state.todo()
		l.state.next()
		l.passed = 0
		if err := l.checkpoint(ctx); err != nil {
			return err
		}
	}
}

// checkpoint makes everything durable that was stored, then says so.
func (l *load) checkpoint(ctx context.Context) error {
	if err := l.loader.Flush(ctx); err != nil {
		return err
	}
	if l.report != nil {
		if err := l.report.Sync(); err != nil {
			return err
		}
	}
	l.saved = l.o.Clock()
	return l.work.Save(ctx, l.state)
}

// step is a document on its way through the pass, in the order of the files.
type step struct {
	file    int
	line    int64 // number of this line
	ordinal int64 // of its first resource
	count   int64 // of its resources
	size    int64 // of its text
	doc     *document
	items   []item        // when plain; ready once done is closed
	done    chan struct{} // nil when there is nothing to parse
	end     bool          // of the file
	flush   bool          // no document: store what was gathered
	offset  int64         // in the file
}

// pass reads all files once and loads what this pass is to load.
func (l *load) pass(ctx context.Context) error {
	start := slices.Clone(l.state.Files)
	first, all := l.state.File, l.state.Pass == 1
	held := semaphore.NewWeighted(budget)
	g, ctx := errgroup.WithContext(ctx)
	parse := make(chan *step, 64)
	ordered := make(chan *step, 1024)
	g.Go(func() error {
		defer close(parse)
		defer close(ordered)
		for f := first; f < len(l.sources); f++ {
			if !all && len(start[f].Todo) == 0 {
				continue
			}
			if err := l.readFile(ctx, f, start[f], all, held, parse, ordered); err != nil {
				return err
			}
		}
		return nil
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for s := range parse {
				at := item{file: s.file, line: s.line, entry: -1, ordinal: s.ordinal}
				s.items = l.items(s.doc, at, func(n int64) bool { return all || start[s.file].Todo.has(n) })
				close(s.done)
			}
			return nil
		})
	}
	groups := make(chan *group, inFlight)
	g.Go(func() error {
		defer close(groups)
		return l.gather(ctx, ordered, groups)
	})
	g.Go(func() error { return l.collect(ctx, groups, held) })
	return g.Wait()
}

// readFile sends the documents of a file, from the checkpoint on.
func (l *load) readFile(ctx context.Context, f int, from fileState, all bool, held *semaphore.Weighted, parse, ordered chan<- *step) error {
	send := func(s *step) error {
		if s.size = min(s.size, budget); s.size > 0 && !held.TryAcquire(s.size) {
			// What is gathered already has to be stored before there is room.
			select {
			case ordered <- &step{file: f, flush: true}:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := held.Acquire(ctx, s.size); err != nil {
				return err
			}
		}
		if s.done != nil {
			select {
			case parse <- s:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case ordered <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	refused := func(line, ordinal int64, err error) *step {
		s := &step{file: f, line: line, ordinal: ordinal, count: 1}
		if all || from.Todo.has(ordinal) {
			s.items = []item{{file: f, line: line, entry: -1, ordinal: ordinal, err: err}}
		}
		return s
	}
	r, err := openSource(l.sources[f], l.o.MaxLine)
	if err != nil {
		if from.Lines == 0 {
			if err := send(refused(1, 0, err)); err != nil {
				return err
			}
		}
		return send(&step{file: f, end: true})
	}
	defer func() { _ = r.Close() }() // it was only read
	var line int64
	ordinal := from.Ordinal
	for ctx.Err() == nil {
		text, err := r.next()
		if errors.Is(err, io.EOF) && len(text) == 0 {
			break
		}
		if line++; line <= from.Lines {
			continue
		}
		s := &step{file: f, line: line, ordinal: ordinal}
		broken := err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLong)
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			s = refused(line, ordinal, err)
		case !blank(text):
			doc, err := takeApart(text)
			if err != nil {
				s = refused(line, ordinal, err)
				break
			}
			s.doc, s.count = &doc, int64(len(doc.entries))
			if !all && !from.Todo.meets(ordinal, ordinal+s.count-1) {
				s.doc = nil
			} else if s.size = int64(len(text)); doc.plain() {
				s.done = make(chan struct{})
			}
		}
		ordinal += s.count
		s.offset = r.count.n
		if err := send(s); err != nil {
			return err
		}
		if broken {
			break // the file cannot be read any further
		}
	}
	return send(&step{file: f, line: line, ordinal: ordinal, end: true, offset: r.count.n})
}

func blank(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// group is what is stored together: resources, or one Bundle that is
// processed as it is.
type group struct {
	steps    []*step
	items    []item
	outcomes []outcome // of items; ready once done is closed
	err      error
	done     chan struct{}
}

// gather forms groups and has them stored, a few at a time.
func (l *load) gather(ctx context.Context, ordered <-chan *step, groups chan<- *group) error {
	size := l.o.Batch
	if l.state.Pass > 1 {
		size *= 5 // resources that wait for each other had better meet
	}
	var storing sync.WaitGroup
	defer storing.Wait()
	slots := make(chan struct{}, inFlight)
	g := &group{done: make(chan struct{})}
	emit := func(store func(*group) (run func())) error {
		now := g
		g = &group{done: make(chan struct{})}
		if len(now.steps) == 0 {
			return nil
		}
		if len(now.items) == 0 {
			close(now.done)
		} else {
			slots <- struct{}{}
			run := store(now)
			storing.Go(func() {
				defer func() { <-slots; close(now.done) }()
				run()
			})
		}
		select {
		case groups <- now:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	plain := func(g *group) func() {
		place := l.loader.Group()
		return func() { g.outcomes, g.err = l.store(ctx, place, g.items) }
	}
	for s := range ordered {
		if s.flush {
			if err := emit(plain); err != nil {
				return err
			}
			continue
		}
		if s.done != nil {
			select {
			case <-s.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if s.doc != nil && s.done == nil {
			// What comes before a Bundle may be what its conditions ask for,
			// and it what comes after asks for.
			if err := emit(plain); err != nil {
				return err
			}
			storing.Wait()
			g.steps, g.items = []*step{s}, l.entriesOf(s)
			err := emit(func(g *group) func() {
				return func() { g.outcomes, g.err = l.process(ctx, s, g.items) }
			})
			if err != nil {
				return err
			}
			storing.Wait()
			continue
		}
		g.steps = append(g.steps, s)
		g.items = append(g.items, s.items...)
		// Later passes hold resources of several files that refer to each
		// other, so there the end of a file ends no group.
		end := s.end && l.state.Pass == 1
		if len(g.items) >= size || len(g.steps) >= manySteps || end {
			if err := emit(plain); err != nil {
				return err
			}
		}
	}
	return emit(plain)
}
