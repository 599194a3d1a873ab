package bulkload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
)

// load is one run of the job.
type load struct {
	o       *Options
	defs    *definitions.Definitions
	sources []Source
	keeper  Keeper
	reading context.Context // ends when nothing more is to be begun
	session atomic.Pointer[records.Session]
	loader  *records.Loader
	state   checkpoint // the collector's
	saved   time.Time  // when the last checkpoint was
	began   time.Time
	report  *os.File
	passed  int64 // bytes of earlier files in this pass
}

// Bounds of what is held at a time: bytes of documents, and groups of
// resources, of which one is written while others are prepared for it.
const (
	budget   = 8 << 20
	inFlight = 4

	manySteps = 1 << 14 // lines of which little or nothing is to be loaded
)

// prepare takes up the last checkpoint, or begins anew.
func (l *load) prepare(ctx context.Context) (resumed bool, err error) {
	if resumed, err = l.keeper.Progress(&l.state); err != nil {
		return false, err
	}
	if !resumed {
		began, err := l.o.Session.Door().LastSeq(ctx)
		if err != nil {
			return false, err
		}
		l.state = newCheckpoint(len(l.sources), began)
		if err := l.keeper.Save(ctx, l.state); err != nil {
			return false, err
		}
	}
	if resumed {
		l.saved = time.Time{} // who waits sees at once that it goes on
	}
	l.loader = l.o.Session.Loader(records.LoadOptions{Request: records.Request{Bulk: true, Source: l.o.Origin}, Since: &l.state.Began})
	return resumed, nil
}

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
		if stopped := l.reading.Err(); stopped != nil {
			return errors.Join(stopped, l.checkpoint(ctx))
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
	if err := l.keeper.Save(ctx, l.state); err != nil || l.o.Renew == nil {
		return err
	}
	session, err := l.o.Renew(ctx)
	if err != nil {
		return err
	}
	l.session.Store(session)
	l.loader.Renew(session)
	return nil
}

// step is a document on its way through the pass, in the order of the files.
type step struct {
	file    int
	line    int64 // number of this line
	ordinal int64 // of its first resource
	count   int64 // of its resources
	wanted  int64 // of these, how many this pass is to load
	size    int64 // of its text
	doc     *document
	err     error // why there is no document to load
	end     bool  // of the file
	flush   bool  // no document: store what was gathered
	offset  int64 // in the file
}

// pass reads all files once and loads what this pass is to load. When reading
// ends before, it returns nil once all that was begun is counted.
func (l *load) pass(ctx context.Context) error {
	start := slices.Clone(l.state.Files)
	first, all := l.state.File, l.state.Pass == 1
	held := semaphore.NewWeighted(budget)
	g, ctx := errgroup.WithContext(ctx)
	ordered := make(chan *step, 64)
	reading, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(l.reading, end)()
	g.Go(func() error {
		defer close(ordered)
		for f := first; f < len(l.sources); f++ {
			if !all && len(start[f].Todo) == 0 {
				continue
			}
			if err := l.readFile(reading, f, start[f], all, held, ordered); err != nil {
				if l.reading.Err() != nil {
					return ctx.Err()
				}
				return err
			}
		}
		return nil
	})
	groups := make(chan *group, inFlight)
	g.Go(func() error {
		defer close(groups)
		ga := &gatherer{
			l: l, groups: groups, forming: &group{done: make(chan struct{})}, slots: make(chan struct{}, inFlight),
			wanted: func(file int, ordinal int64) bool { return all || start[file].Todo.has(ordinal) },
		}
		return ga.run(ctx, ordered)
	})
	g.Go(func() error { return l.collect(ctx, groups, held) })
	return g.Wait()
}

// readFile sends the documents of a file, from the checkpoint on.
func (l *load) readFile(ctx context.Context, f int, from fileState, all bool, held *semaphore.Weighted, ordered chan<- *step) error {
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
			s.wanted, s.err = 1, err
		}
		return s
	}
	r, err := openSource(ctx, l.sources[f], l.o.MaxLine)
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
		broken := err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLong) // the file cannot be read any further
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			s = refused(line, ordinal, err)
		case !blank(text):
			doc, err := takeApart(bytes.TrimRight(text, "\r\n")) // else what is cut off seems to hold them
			if err != nil {
				s = refused(line, ordinal, err)
				break
			}
			s.count = int64(len(doc.entries))
			if s.wanted = s.count; !all {
				s.wanted = from.Todo.within(ordinal, ordinal+s.count-1)
			}
			if s.wanted > 0 {
				s.doc, s.size = &doc, int64(len(text))
			}
		}
		ordinal += s.count
		s.offset = r.count.n
		if err := send(s); err != nil {
			return err
		}
		if broken {
			break
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
