package records

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// Seq is a place in the change feed; 0 is before the first change.
type Seq int64

// Change is one version in the feed.
type Change struct {
	Seq Seq
	Resource
}

// Changes returns changes after a place, in order, without missing any. It
// reads up to limit of them and leaves out what the session may not see; last
// is where to go on, and end says that there is nothing more for now.
func (s *Session) Changes(ctx context.Context, after Seq, limit int) (changes []Change, last Seq, end bool, err error) {
	ctx, pass := span.Start(ctx, "door changes")
	defer pass.End()
	if err := s.may("", smart.Search); err != nil {
		return nil, after, false, err
	}
	records, err := s.door.store.Changes(ctx, store.Seq(after), limit, true)
	if err != nil {
		return nil, after, false, s.door.fault(err)
	}
	last = after
	for _, record := range records {
		last = Seq(record.Seq)
		if shown, err := s.changed(ctx, record, smart.Search); err != nil {
			return nil, after, false, s.door.fault(err)
		} else if !shown {
			continue
		}
		res, err := s.resource(ctx, record)
		if errors.Is(err, errWithheld) {
			continue
		}
		if err != nil {
			return nil, after, false, err
		}
		changes = append(changes, Change{Seq(record.Seq), res})
	}
	return changes, last, len(records) < limit, nil
}

// changed says whether the session may do one of the interactions with a version in
// the feed: as it is, and with the resource as it is now.
func (s *Session) changed(ctx context.Context, record store.Record, i smart.Interactions) (bool, error) {
	shown, err := s.shows(ctx, s.door.store, record, i)
	if err != nil || !shown || s.filter([]string{string(record.Key.Type)}, i) == nil {
		return shown, err
	}
	current, err := s.door.store.Read(ctx, record.Key)
	if errors.Is(err, store.ErrNotFound) { // expunged just now
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.allows(ctx, s.door.store, current, i)
}

// LastSeq is the newest place in the feed.
func (d *Door) LastSeq(ctx context.Context) (Seq, error) {
	seq, err := d.store.LastSeq(ctx)
	return Seq(seq), d.fault(err)
}

// settles is longer than it takes from a write's time to the beginning of its transaction.
const settles = 10 * time.Second

// Mark is a place in the feed above all that was acknowledged before the call, and below
// all that is begun after it. Whatever bears an earlier time than the one it returns is
// below the place, too, so that who reads what has changed since then misses nothing.
func (d *Door) Mark(ctx context.Context) (Seq, time.Time, error) {
	now := d.now()
	seq, err := d.store.Mark(ctx)
	return Seq(seq), now.Add(-settles), d.fault(err)
}

// Settle waits until writes under way below a mark have ended.
func (d *Door) Settle(ctx context.Context, mark Seq) error {
	return d.fault(d.store.Settle(ctx, store.Seq(mark)))
}

// pollInterval is how soon a change that another process made is seen; those
// of this process are seen at once.
const pollInterval = 500 * time.Millisecond

// Watch yields every change after a place, then waits for more until ctx
// ends. An error ends it, too.
func (s *Session) Watch(ctx context.Context, after Seq) iter.Seq2[Change, error] {
	const batch = 200
	return func(yield func(Change, error) bool) {
		poll := time.NewTicker(pollInterval)
		defer poll.Stop()
		for {
			// Taken before reading, so that nothing falls between.
			wake := s.door.changed.wait()
			changes, last, end, err := s.Changes(ctx, after, batch)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				yield(Change{}, err)
				return
			}
			for _, c := range changes {
				if !yield(c, nil) {
					return
				}
			}
			if after = last; !end {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case <-wake:
			case <-poll.C:
			}
		}
	}
}

// broadcast wakes everybody who waits.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns a channel that the next notify closes.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) notify() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
