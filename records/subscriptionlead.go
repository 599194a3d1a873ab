package records

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// leader is the work of the process that leads: it goes along the feed, matches what
// changed with the subscriptions that there are at that place, and appends events to
// their logs in the same commit as its new place, so that none is lost and none comes
// twice. Each subscription has a follower, which sends what its log has.
type leader struct {
	s *Subscriptions
	d *Door

	set       *subscribe.Set
	followers map[fhir.ID]*follower
	topics    []subscribe.Topic
	stale     bool // topics, or what searches can ask, are others than those gone by

	limit   int       // versions in the next batch
	at      store.Seq // matched up to here
	kept    store.Seq // of at, what is durable
	keptAt  time.Time
	version int64 // of the item that has it

	working sync.WaitGroup
}

// leaderPolls is how soon a change of another process is seen.
const leaderPolls = 100 * time.Millisecond

// alone is how long the leader goes on when there are no Subscriptions.
const alone = 10 * time.Second

// serve leads until ctx ends, something fails or there are no Subscriptions, which is
// no error.
func (s *Subscriptions) serve(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	l := &leader{s: s, d: s.door, set: subscribe.NewSet(), followers: map[fhir.ID]*follower{}, limit: matchBatch / 4, keptAt: time.Now()}
	defer func() {
		s.mu.Lock()
		s.leading = nil
		s.mu.Unlock()
		stop()
		l.working.Wait()
	}()
	if err := l.load(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.leading = l
	s.mu.Unlock()
	poll := time.NewTicker(leaderPolls)
	defer poll.Stop()
	var nudged time.Time
	busy := time.Now()
	for {
		wake := l.d.changed.wait() // taken before reading, so that nothing falls between
		more, err := l.step(ctx)
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if len(l.followers) > 0 || more {
			busy = time.Now()
		} else if time.Since(busy) > alone {
			busy = time.Now()
			if any, err := s.any(ctx); err != nil || !any {
				return err
			}
		}
		if time.Since(nudged) > time.Second {
			nudged = time.Now()
			if err := l.nudges(ctx); err != nil {
				return err
			}
		}
		if more {
			continue
		}
		if len(l.followers) == 0 { // nobody waits
			pause(ctx, leaderPolls)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-poll.C:
		}
	}
}

// load takes up where the last leader stopped.
func (l *leader) load(ctx context.Context) (err error) {
	if l.at, l.version, err = readPlace(ctx, l.d.store); err != nil {
		return err
	}
	if l.version == 0 { // Subscriptions were stored before anybody was told: from now on
		if l.at, err = l.d.store.LastSeq(ctx); err != nil {
			return err
		}
	}
	l.kept = l.at
	if l.topics, err = l.d.Topics(ctx); err != nil {
		return err
	}
	for r, err := range l.d.store.Each(ctx, subscriptionType, 0) {
		if err != nil {
			return err
		}
		record, err := l.then(ctx, r.Record)
		if err != nil {
			return err
		}
		if record.Version > 0 && !record.Deleted {
			if err := l.put(ctx, record); err != nil {
				return err
			}
		}
	}
	return nil
}

// then is the version of a Subscription at the leader's place, none if it came later.
func (l *leader) then(ctx context.Context, r store.Record) (store.Record, error) {
	for r.Seq > l.at {
		if r.Version == 1 {
			return store.Record{}, nil
		}
		before, err := l.d.store.ReadVersion(ctx, r.Key, r.Version-1)
		if errors.Is(err, store.ErrNotFound) { // expunged
			return store.Record{}, nil
		}
		if err != nil {
			return store.Record{}, err
		}
		r = before
	}
	return r, nil
}
