package records

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// bookReads has all who need the Book at once share its readings, of which one goes on at
// a time. Nobody shares one that began before asking, so that what was committed until
// then is in it.
type bookReads struct {
	mu      sync.Mutex
	running *bookRead // nil for none
	next    *bookRead // begins when running has ended; nil: nobody waits for it
}

// bookRead is one reading.
type bookRead struct {
	read func() error
	done chan struct{} // is closed when it has ended
	err  error
}

// bookTime is how long the store may take for a reading.
const bookTime = time.Minute

// readBook adds to the Book what other processes, or this one, stored until it was called,
// and now and then forgets what has gone. The reading goes on when ctx ends, for others who
// wait for it.
func (d *Door) readBook(ctx context.Context) error {
	r := d.bookReads.join(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookTime)
		defer cancel()
		return d.readPolicies(ctx)
	})
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join is the reading that has not begun, by read if nobody waits for one yet.
func (b *bookReads) join(read func() error) *bookRead {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.next
	if r == nil {
		r = &bookRead{read: read, done: make(chan struct{})}
		b.next = r
	}
	if b.running == nil {
		b.begin()
	}
	return r
}

// begin begins the next reading, if somebody waits for one. b.mu is held.
func (b *bookReads) begin() {
	r := b.next
	b.running, b.next = r, nil
	if r == nil {
		return
	}
	go func() {
		r.err = r.run()
		close(r.done)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.begin()
	}()
}

// run reads. A panic is an error of those who wait, not the end of the process.
func (r *bookRead) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("records: reading the policies: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.read()
}

// readPolicies is readBook by itself.
func (d *Door) readPolicies(ctx context.Context) error {
	later, err := d.store.Policies(ctx, d.book.Last())
	if err != nil {
		return d.fault(err)
	}
	for _, p := range later {
		d.book.Add(p.Number, p.Text)
	}
	if !d.book.Stale() {
		return nil
	}
	all, err := d.store.Policies(ctx, 0)
	if err != nil {
		return d.fault(err)
	}
	there := make([]int64, len(all))
	for i, p := range all {
		there[i] = p.Number
	}
	d.book.Renew(there)
	return nil
}
