package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/store"
)

// kindDelivery is the kind of items that say how far a subscriber was told.
const kindDelivery = "delivery"

// delivery is what such an item holds.
type delivery struct {
	Taken     int64     `json:"taken,omitempty"`    // number of the last event that went well
	Unshaken  bool      `json:"unshaken,omitempty"` // the handshake failed, and comes before anything else
	Delivered time.Time `json:"delivered,omitzero"`
	Sent      time.Time `json:"sent,omitzero"` // anything, a heartbeat as well
	Failures  int       `json:"failures,omitempty"`
	Failing   time.Time `json:"failing,omitzero"` // since when
	Next      time.Time `json:"next,omitzero"`
	Error     string    `json:"error,omitempty"`
	Cut       int64     `json:"cut,omitempty"` // events below this one are gone
}

// follower sends a subscription's events in order, one notification at a time.
type follower struct {
	s        *Subscriptions
	sub      *subscription
	standing Standing
	topic    atomic.Pointer[subscribe.Topic]

	last   atomic.Int64 // number of the last event
	wake   chan struct{}
	ending atomic.Pointer[string] // why it is to be off
	retry  atomic.Bool
	cancel context.CancelFunc
	done   chan struct{}

	// Of the goroutine of run.
	status  string
	version int64 // of the Subscription
	state   delivery
	stored  int64     // version of the item that has state
	tidied  time.Time // by age
}

// follow starts the follower of a subscription.
func (l *leader) follow(ctx context.Context, sub *subscription, topic *subscribe.Topic) (*follower, error) {
	f := &follower{s: l.s, sub: sub, status: sub.status, version: sub.version, wake: make(chan struct{}, 1), done: make(chan struct{})}
	f.topic.Store(topic)
	by, err := readSubscriber(ctx, l.d.store, sub.id)
	if err != nil {
		return nil, err
	}
	f.standing = by.Standing
	last, err := l.d.store.LastEvent(ctx, eventLog(sub.id))
	if err != nil {
		return nil, err
	}
	f.last.Store(last)
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	ctx, f.cancel = context.WithCancel(ctx)
	l.working.Go(func() {
		defer close(f.done)
		f.run(ctx)
	})
	return f, nil
}

// read reads how far the subscriber was told.
func (f *follower) read(ctx context.Context) (err error) {
	f.state, f.stored, err = f.s.delivery(ctx, f.sub.id)
	return err
}

// tell says that there are events up to a number.
func (f *follower) tell(last int64) {
	f.last.Store(last)
	f.nudge()
}

// end has the subscription ended.
func (f *follower) end(reason string) {
	f.ending.CompareAndSwap(nil, &reason)
	f.nudge()
}

func (f *follower) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends or the subscription does.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait, err := f.next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			f.s.door.log.WarnContext(ctx, "a subscription waits", "subscription", f.sub.id, "error", err)
			wait = time.Second
		}
		if wait < 0 {
			return
		}
		f.wait(ctx, wait)
	}
}

// longest is how long a follower waits without looking at the clock.
const longest = time.Minute

func (f *follower) wait(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	timer := time.NewTimer(min(d, longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-f.wake:
	}
}

// next does what is due and returns how long there is nothing to do: 0 for not at all,
// negative for ever.
func (f *follower) next(ctx context.Context) (time.Duration, error) {
	now := f.s.door.config.Clock()
	if reason := f.ending.Load(); reason != nil {
		return -1, f.restate(ctx, statusOff, *reason)
	}
	if !f.sub.end.IsZero() && !now.Before(f.sub.end) {
		return -1, f.restate(ctx, statusOff, "its end has come")
	}
	wait := longest
	if !f.sub.end.IsZero() {
		wait = min(wait, f.sub.end.Sub(now))
	}
	if f.sub.pulled() {
		return wait, f.restate(ctx, statusActive, "")
	}
	if f.retry.CompareAndSwap(true, false) {
		f.state.Next = time.Time{}
	}
	if left := f.state.Next.Sub(now); f.state.Failures > 0 && left > 0 {
		return min(wait, left), nil
	}
	switch {
	case f.status == statusRequested && f.state.Failures == 0 && f.sub.target.Plain:
		return 0, f.restate(ctx, statusActive, "")
	case f.status == statusRequested, f.state.Unshaken:
		return 0, f.send(ctx, notify.Handshake)
	case f.last.Load() > f.state.Taken:
		return 0, f.send(ctx, notify.OfEvents)
	case f.status == statusError && !f.sub.target.Plain:
		return 0, f.send(ctx, notify.Heartbeat)
	}
	if f.sub.heartbeat == 0 || f.sub.target.Plain {
		return wait, nil
	}
	if left := f.state.Sent.Add(f.sub.heartbeat).Sub(now); left > 0 {
		return min(wait, left), nil
	}
	return 0, f.send(ctx, notify.Heartbeat)
}

// send sends one notification and notes how that went.
func (f *follower) send(ctx context.Context, kind notify.Kind) error {
	session, err := f.s.sessions.Stand(ctx, f.s.door, f.standing)
	if errors.Is(err, ErrStanding) {
		f.end(err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	d := telling{s: f.s, sub: f.sub, topic: f.topic.Load(), session: session, status: f.status, total: f.last.Load()}
	since := f.state.Taken + 1
	m, last, err := d.message(ctx, kind, f.sub.target.Content, f.sub.target.Media, since, d.total, f.sub.most)
	if err != nil {
		return err
	}
	if kind == notify.OfEvents && len(m.Events) == 0 && len(m.Errors) == 0 { // nothing that may be seen
		f.state.Taken = last
		return f.write(ctx)
	}
	sent := time.Now()
	err = f.s.channel.Send(ctx, f.sub.target, m)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return f.failed(ctx, err)
	}
	f.s.door.log.DebugContext(ctx, "notified", "subscription", f.sub.id, "kind", kind, "events", len(m.Events), "took", time.Since(sent))
	return f.took(ctx, kind, last)
}

// took notes that the subscriber took what was sent.
func (f *follower) took(ctx context.Context, kind notify.Kind, last int64) error {
	now := f.s.door.config.Clock()
	f.state.Sent, f.state.Failures, f.state.Failing, f.state.Next, f.state.Error = now, 0, time.Time{}, time.Time{}, ""
	switch kind {
	case notify.OfEvents:
		f.state.Taken, f.state.Delivered = last, now
	case notify.Handshake:
		f.state.Unshaken = false
	}
	if err := f.write(ctx); err != nil {
		return err
	}
	if f.status == statusActive {
		return f.tidy(ctx, now)
	}
	return f.restate(ctx, statusActive, "")
}

// failed notes that the subscriber did not take what was sent, and when to try again.
func (f *follower) failed(ctx context.Context, why error) error {
	now := f.s.door.config.Clock()
	if f.state.Failures++; f.state.Failures == 1 {
		f.state.Failing = now
	}
	if f.status == statusRequested {
		f.state.Unshaken = !f.sub.target.Plain
	}
	delay := f.s.config.Backoff(f.state.Failures)
	f.state.Next, f.state.Error = now.Add(delay/2+rand.N(delay+1)), bounded(why.Error()) //nolint:gosec // nothing is secret about a delay
	if err := f.write(ctx); err != nil {
		return err
	}
	switch {
	case notify.IsPermanent(why):
		f.end("the subscriber wants no more: " + f.state.Error)
	case now.Sub(f.state.Failing) >= f.s.config.GiveUp:
		f.end(fmt.Sprintf("nothing was taken since %s: %s", f.state.Failing.UTC().Format(time.RFC3339), f.state.Error))
	case f.state.Failures >= f.s.config.Attempts && f.status != statusError:
		return errors.Join(f.restate(ctx, statusError, f.state.Error), f.tidy(ctx, now))
	case f.status == statusError:
		return f.tidy(ctx, now)
	}
	return nil
}

// bounded is a text as it stands in a Subscription's error.
func bounded(text string) string {
	const most = 500
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

// restate has the Subscription say its status, unless it does.
func (f *follower) restate(ctx context.Context, status, reason string) error {
	if f.status == status && status != statusError {
		return nil
	}
	version, err := f.s.door.restate(ctx, f.sub.id, f.version, status, reason)
	if errors.Is(err, store.ErrVersion) {
		return nil // somebody wrote it, and this follower ends soon
	}
	if err == nil {
		f.status, f.version = status, version
	}
	return err
}

// write keeps the state. When somebody else wrote it, which is an error, the next time
// is after that.
func (f *follower) write(ctx context.Context) error {
	body, err := json.Marshal(f.state)
	if err != nil {
		return err
	}
	err = f.s.door.store.WriteItems(ctx, false, store.ItemChange{Item: store.Item{Kind: kindDelivery, ID: string(f.sub.id), Body: body}, Expect: f.stored})
	if errors.Is(err, store.ErrVersion) {
		_, version, failed := f.s.delivery(ctx, f.sub.id)
		if failed == nil {
			f.stored = version
		}
		return errors.Join(err, failed)
	}
	if err == nil {
		f.stored++
	}
	return err
}

// tidy cuts what need not be kept any more of the log: of more than KeepEvents the
// oldest, and those older than KeepFor.
func (f *follower) tidy(ctx context.Context, now time.Time) error {
	from := max(f.state.Cut, 1)
	below := max(from, f.last.Load()+1-int64(f.s.config.KeepEvents))
	if f.tidied.IsZero() || now.Sub(f.tidied) > time.Hour {
		f.tidied = now
		var err error
		if below, err = f.s.aged(ctx, f.sub.id, below, now.Add(-f.s.config.KeepFor)); err != nil {
			return err
		}
	}
	// In steps, so that it costs little.
	if below <= from || below-from < int64(f.s.config.KeepEvents/100) {
		return nil
	}
	if err := f.s.door.store.CutEvents(ctx, eventLog(f.sub.id), min(below, f.last.Load())); err != nil {
		return err
	}
	f.state.Cut = below
	return f.write(ctx)
}
