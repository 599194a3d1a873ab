package records

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/store"
)

// SubscriptionConfig is what tells subscribers needs.
type SubscriptionConfig struct {
	Channel  notify.Channel // required
	Sessions Sessions       // nil: OpenSessions
	// Keep bounds the events that are kept of a subscription, whether they were taken
	// or not: how many, and for how long. 0: 100,000 and 30 days.
	KeepEvents int
	KeepFor    time.Duration
	// Attempts that fail in a row until a Subscription is in error; 0: 5. It is tried
	// further, for GiveUp: 0: 7 days.
	Attempts int
	GiveUp   time.Duration
	// Backoff is the time after the nth failure in a row; nil: one second, doubling up to
	// five minutes.
	Backoff func(n int) time.Duration
}

// Subscriptions tells subscribers of changes: of a tenant one process at a time, which
// another one follows within 5 seconds when it is gone. It implements notify.Log, which
// every process may use. It is safe for concurrent use.
type Subscriptions struct {
	door     *Door
	config   SubscriptionConfig
	channel  notify.Channel
	sessions Sessions
	wake     broadcast // there may be more events, for those who fetch them

	mu      sync.Mutex
	leading *leader // nil while another process, or none, leads
}

// Subscribe has the door tell subscribers of changes: Work does. It is called once,
// before the door is used.
func (d *Door) Subscribe(c SubscriptionConfig) *Subscriptions {
	if c.Sessions == nil {
		c.Sessions = OpenSessions{}
	}
	if c.KeepEvents == 0 {
		c.KeepEvents = 100_000
	}
	if c.KeepFor == 0 {
		c.KeepFor = 30 * 24 * time.Hour
	}
	if c.Attempts == 0 {
		c.Attempts = 5
	}
	if c.GiveUp == 0 {
		c.GiveUp = 7 * 24 * time.Hour
	}
	if c.Backoff == nil {
		c.Backoff = func(n int) time.Duration { return min(time.Second<<min(n-1, 20), 5*time.Minute) }
	}
	d.subscriptions = &Subscriptions{door: d, config: c, channel: c.Channel, sessions: c.Sessions}
	return d.subscriptions
}

// Subscriptions is what Subscribe made; nil before.
func (d *Door) Subscriptions() *Subscriptions { return d.subscriptions }

// work leads whenever there are Subscriptions and no other process leads, until ctx
// ends.
func (s *Subscriptions) work(ctx context.Context) {
	holder, err := uuid.NewRandom()
	if err != nil {
		s.door.log.ErrorContext(ctx, "subscribers are told nothing", "error", err)
		return
	}
	l := lease{store: s.door.store, holder: holder.String()}
	var rested time.Time
	for ctx.Err() == nil {
		any, err := s.any(ctx)
		switch held := false; {
		case err == nil && any:
			if held, err = l.take(ctx); held {
				s.lead(ctx, &l)
				continue
			}
		case err == nil && time.Since(rested) >= restsEvery:
			rested = time.Now()
			err = s.rest(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.door.log.WarnContext(ctx, "it is not known who tells subscribers", "error", err)
		}
		s.wake.notify() // the events are another process's
		pause(ctx, leadLooks)
	}
}

// any says whether there are Subscriptions at all.
func (s *Subscriptions) any(ctx context.Context) (bool, error) {
	n, err := s.door.store.Count(ctx, &search.Query{Types: []string{string(subscriptionType)}})
	return n > 0, err
}

// restsEvery is how often the place in the feed moves while nobody subscribes.
const restsEvery = time.Hour

// rest moves the place to the end of the feed if nobody has subscribed up to there, so
// that who leads next has little to read.
func (s *Subscriptions) rest(ctx context.Context) error {
	last, err := s.door.store.LastSeq(ctx)
	if err != nil {
		return err
	}
	if any, err := s.any(ctx); err != nil || any {
		return err
	}
	at, version, err := readPlace(ctx, s.door.store)
	if err != nil || version > 0 && at >= last {
		return err
	}
	change, err := placeChange(last, version)
	if err == nil {
		err = s.door.store.WriteItems(ctx, false, change)
	}
	if errors.Is(err, store.ErrVersion) { // somebody leads, or rested
		err = nil
	}
	return err
}

// lead tells subscribers until the lease is lost or there are none.
func (s *Subscriptions) lead(ctx context.Context, l *lease) {
	ctx, lost := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		defer lost()
		if err := l.renew(ctx); err != nil {
			s.door.log.WarnContext(ctx, "another process tells subscribers from here on", "error", err)
		}
	})
	for ctx.Err() == nil {
		err := s.serve(ctx)
		if err == nil { // nobody is left
			break
		}
		if ctx.Err() == nil {
			s.door.log.WarnContext(ctx, "subscribers are told nothing for a moment", "error", err)
			pause(ctx, time.Second)
		}
	}
	lost()
	renewing.Wait()
	l.release(context.WithoutCancel(ctx))
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
