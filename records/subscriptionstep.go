package records

import (
	"context"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Bounds of how far the durable place may lie behind when nothing matches: what was
// read since is read again after a crash.
const (
	placeLag = 5000
	placeAge = time.Second
)

// Bounds of what is matched before the next commit: versions, bytes of their bodies (a
// batch that has more makes the next smaller) and events.
const (
	matchBatch  = 500
	matchBytes  = 32 << 20
	matchEvents = 5000
)

// step goes on in the feed. more says that there may be more at once.
func (l *leader) step(ctx context.Context) (more bool, err error) {
	bodies := l.set.Len() > 0
	records, err := l.d.store.Changes(ctx, l.at, l.limit, bodies)
	if err != nil {
		return false, err
	}
	more = len(records) == l.limit
	l.resize(records)
	b := batch{l: l, sessions: map[fhir.ID]*Session{}, told: map[*follower]int64{}}
	for _, r := range records {
		if controls(r) {
			if err := l.control(ctx, r); err != nil {
				return false, err
			}
			if r.Key.Type == subscriptionType {
				l.at = r.Seq
				if !bodies && l.set.Len() > 0 { // from here on they are needed
					more = true
					break
				}
				continue
			}
		}
		if bodies {
			if err := b.match(ctx, r); err != nil {
				return false, err
			}
		}
		l.at = r.Seq
		if len(b.events) >= matchEvents {
			more = true
			break
		}
	}
	if len(b.events) > 0 || l.at-l.kept >= placeLag || l.at > l.kept && time.Since(l.keptAt) >= placeAge {
		if err := l.keep(ctx, b.events); err != nil {
			return false, err
		}
	}
	for f, last := range b.told {
		f.tell(last)
	}
	if len(b.told) > 0 {
		l.s.wake.notify()
	}
	return more, nil
}

// resize makes the next batch fit into memory.
func (l *leader) resize(records []store.Record) {
	size := 0
	for _, r := range records {
		size += len(r.Body)
	}
	switch {
	case size > matchBytes:
		l.limit = max(1, l.limit/4)
	case size < matchBytes/8:
		l.limit = min(matchBatch, l.limit*2)
	}
}

// keep appends events together with the place that they were found up to.
func (l *leader) keep(ctx context.Context, events []store.Event) error {
	change, err := placeChange(l.at, l.version)
	if err != nil {
		return err
	}
	if err := l.d.store.AppendEvents(ctx, events, change); err != nil {
		return err
	}
	l.version++
	l.kept, l.keptAt = l.at, time.Now()
	return nil
}
