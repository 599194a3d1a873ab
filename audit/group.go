package audit

import (
	"sync"
	"sync/atomic"
	"time"
)

// recorder brings events together into groups, each with one commit. Who brings the
// first event of a group commits it; who brings another one waits for that. While
// one group is committed the next one gathers.
type recorder struct {
	mu         sync.Mutex
	open       *group // that further events join; nil when the next event begins one
	ended      bool
	leading    sync.WaitGroup
	committing sync.Mutex
	delay      time.Duration // under committing: how long a group waits for more

	expected atomic.Int64 // requests under way that will bring an event
}

// group is events on their way to the store.
type group struct {
	b      *[]byte // one of buffers
	events int
	wanted int           // events; with so many it does not wait any more
	enough chan struct{} // is told that they are there
	done   chan struct{} // is closed when the group is committed, or was not
	err    error
}

// Bounds of what a group waits for others. It costs a request a little time and
// saves a commit.
const (
	leastDelay = 100 * time.Microsecond
	mostDelay  = 4 * time.Millisecond
)

// Expect says that a request is under way that will bring an event; Unexpect, that it has
// ended.
func (r *recorder) Expect() { r.expected.Add(1) }

// Unexpect ends what Expect began.
func (r *recorder) Unexpect() { r.expected.Add(-1) }

// group adds an event to a group and returns when that is committed, with the error
// of commit.
func (r *recorder) group(e *Event, commit func(b []byte, events int) error) error {
	own := buffer()
	*own = e.append(*own)
	g, leads := r.join(*own)
	keep(own)
	switch {
	case g == nil:
		return ErrClosed
	case leads:
		defer r.leading.Done()
		r.lead(g, commit)
	default:
		<-g.done
	}
	return g.err
}

// join adds an event to the open group, or begins one, which then is to be led; nil
// at the end.
func (r *recorder) join(event []byte) (g *group, leads bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil, false
	}
	if leads = r.open == nil; leads {
		r.open = &group{b: buffer(), enough: make(chan struct{}, 1), done: make(chan struct{})}
		r.leading.Add(1)
	}
	r.open.add(event)
	return r.open, leads
}

// buffers are those that events are written into.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// buffer is an empty one.
func buffer() *[]byte {
	b := buffers.Get().(*[]byte)
	*b = (*b)[:0]
	return b
}

// mostKept is the largest buffer that is kept for what comes next.
const mostKept = 1 << 20

// keep gives back one of buffers, of which nothing is used any more.
func keep(b *[]byte) {
	if cap(*b) <= mostKept {
		buffers.Put(b)
	}
}

func (g *group) add(event []byte) {
	*g.b = append(*g.b, event...)
	if g.events++; g.events == g.wanted {
		g.enough <- struct{}{}
	}
}

// lead commits a group when the one before it is done and it has what it waits for.
func (r *recorder) lead(g *group, commit func(b []byte, events int) error) {
	r.committing.Lock()
	defer r.committing.Unlock()
	r.gather(g)
	g.err = commit(*g.b, g.events)
	close(g.done)
	keep(g.b)
}

// gather waits until half of the requests that are under way have joined the group,
// for a bounded time, which gets shorter while nobody comes: a commit costs much the
// same for one event as for many. A request that is alone does not wait.
func (r *recorder) gather(g *group) {
	wanted := int(r.expected.Load()+1) / 2
	r.mu.Lock()
	before := g.events
	if before < wanted {
		g.wanted = wanted
		r.mu.Unlock()
		timer := time.NewTimer(r.delay)
		select {
		case <-g.enough:
		case <-timer.C:
		}
		timer.Stop()
		r.mu.Lock()
		if g.events > before {
			r.delay = min(2*r.delay, mostDelay)
		} else {
			r.delay = max(r.delay/2, leastDelay)
		}
	}
	r.open = nil
	r.mu.Unlock()
}

// end waits for what is under way; nothing is recorded after.
func (r *recorder) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.leading.Wait()
}
