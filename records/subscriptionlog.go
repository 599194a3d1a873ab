package records

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var _ notify.Log = (*Subscriptions)(nil)

// delivery reads how far a subscriber was told, and the version of that.
func (s *Subscriptions) delivery(ctx context.Context, id fhir.ID) (state delivery, version int64, err error) {
	item, err := s.door.store.ReadItem(ctx, kindDelivery, string(id))
	if errors.Is(err, store.ErrNotFound) {
		return state, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Body, &state)
	}
	return state, item.Version, err
}

// aged is the number below which the events of a log are older than a time, at least
// from.
func (s *Subscriptions) aged(ctx context.Context, id fhir.ID, from int64, before time.Time) (int64, error) {
	for {
		some, err := s.door.store.ReadEvents(ctx, eventLog(id), from, 500)
		if err != nil {
			return from, err
		}
		at := slices.IndexFunc(some, func(e store.Event) bool {
			var one event
			return json.Unmarshal(e.Body, &one) != nil || !one.At.Before(before)
		})
		switch {
		case at >= 0:
			return some[at].Number, nil
		case len(some) == 0:
			return from, nil
		}
		from = some[len(some)-1].Number + 1
	}
}

// stored is a Subscription as it is in the store now.
func (s *Subscriptions) stored(ctx context.Context, id fhir.ID) (*subscription, *fhir.Tree, error) {
	key := fhir.Key{Type: subscriptionType, ID: id}
	r, err := s.door.store.Read(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Deleted {
		return nil, nil, notFound(key)
	}
	if err != nil {
		return nil, nil, s.door.fault(err)
	}
	return s.read(r)
}

func (s *Subscriptions) read(r store.Record) (*subscription, *fhir.Tree, error) {
	tree, err := s.door.tree(r)
	if err != nil {
		return nil, nil, err
	}
	sub, err := readSubscription(s.door.Name(), tree.Root())
	if err != nil { // one that was off from the start
		sub = &subscription{id: r.Key.ID, release: tree.Definitions().Release, status: tree.Root().Child("status").Text(), target: notify.Target{Tenant: s.door.Name(), Subscription: r.Key.ID, Timeout: attemptTime}}
	}
	sub.version = r.Version
	return sub, tree, nil
}

// State implements notify.Log.
func (s *Subscriptions) State(ctx context.Context, id fhir.ID) (notify.State, error) {
	sub, tree, err := s.stored(ctx, id)
	if err != nil {
		return notify.State{}, err
	}
	st, err := s.state(ctx, sub, tree)
	return st, s.door.fault(err)
}

func (s *Subscriptions) state(ctx context.Context, sub *subscription, tree *fhir.Tree) (notify.State, error) {
	st := notify.State{
		Target: sub.target, Topic: sub.topic, Criteria: strings.Join(sub.criteria, ", "), Status: sub.status,
		Heartbeat: sub.heartbeat, MaxCount: sub.most, End: sub.end, Error: tree.Root().Child("error").Text(),
	}
	by, err := readSubscriber(ctx, s.door.store, sub.id)
	if err != nil {
		return st, err
	}
	st.Client, st.User = by.Standing.Client, by.Standing.User
	state, _, err := s.delivery(ctx, sub.id)
	if err != nil {
		return st, err
	}
	st.Taken, st.Delivered, st.Failures, st.Next = state.Taken, state.Delivered, state.Failures, state.Next
	if st.Error == "" {
		st.Error = state.Error
	}
	if st.Total, err = s.door.store.LastEvent(ctx, eventLog(sub.id)); err != nil {
		return st, err
	}
	first, err := s.door.store.ReadEvents(ctx, eventLog(sub.id), 0, 1)
	st.Kept = st.Total + 1
	if len(first) > 0 {
		st.Kept = first[0].Number
	}
	return st, err
}

// States implements notify.Log.
func (s *Subscriptions) States(ctx context.Context, after fhir.ID, limit int) ([]notify.State, error) {
	var all []store.Record
	for r, err := range s.door.store.Each(ctx, subscriptionType, 0) {
		if err != nil {
			return nil, s.door.fault(err)
		}
		if !r.Deleted && r.Key.ID > after {
			all = append(all, r.Record)
		}
	}
	slices.SortFunc(all, func(a, b store.Record) int { return strings.Compare(string(a.Key.ID), string(b.Key.ID)) })
	states := []notify.State{}
	for _, r := range all[:min(limit, len(all))] {
		sub, tree, err := s.read(r)
		if err != nil {
			return nil, err
		}
		st, err := s.state(ctx, sub, tree)
		if err != nil {
			return nil, s.door.fault(err)
		}
		states = append(states, st)
	}
	return states, nil
}

// StatesOf are those that an app has made, after an id in the order of ids, up to a
// number of them.
func (s *Subscriptions) StatesOf(ctx context.Context, client string, after fhir.ID, limit int) ([]notify.State, error) {
	states, from := []notify.State{}, string(after)
	for len(states) < limit {
		want := limit - len(states)
		some, err := s.door.store.FindItems(ctx, kindSubscription, store.ItemKey{Name: subscriberClient, Value: client}, from, want)
		if err != nil {
			return nil, s.door.fault(err)
		}
		for _, item := range some {
			from = item.ID
			st, err := s.State(ctx, fhir.ID(item.ID))
			if fault.KindOf(err) == fault.NotFound { // it has just been deleted
				continue
			}
			if err != nil {
				return nil, err
			}
			states = append(states, st)
		}
		if len(some) < want {
			break
		}
	}
	return states, nil
}

// Message implements notify.Log.
func (s *Subscriptions) Message(ctx context.Context, id fhir.ID, kind notify.Kind, content notify.Content, media string, since, until int64, most int) (notify.Message, int64, error) {
	return s.MessageFor(ctx, nil, id, kind, content, media, since, until, most)
}

// MessageFor is Message for a session that asks: of the events those that it may see,
// too. nil: whom the Subscription is for.
func (s *Subscriptions) MessageFor(ctx context.Context, asks *Session, id fhir.ID, kind notify.Kind, content notify.Content, media string, since, until int64, most int) (notify.Message, int64, error) {
	m, last, err := s.message(ctx, asks, id, kind, content, media, since, until, most)
	return m, last, s.door.fault(err)
}

func (s *Subscriptions) message(ctx context.Context, asks *Session, id fhir.ID, kind notify.Kind, content notify.Content, media string, since, until int64, most int) (m notify.Message, last int64, err error) {
	sub, tree, err := s.stored(ctx, id)
	if err != nil {
		return m, 0, err
	}
	t := telling{s: s, sub: sub, asks: asks, status: sub.status, reason: tree.Root().Child("error").Text()}
	if t.total, err = s.door.store.LastEvent(ctx, eventLog(id)); err != nil {
		return m, 0, err
	}
	by, err := readSubscriber(ctx, s.door.store, id)
	if err != nil {
		return m, 0, err
	}
	if t.session, err = s.sessions.Stand(ctx, s.door, by.Standing); errors.Is(err, ErrStanding) {
		// The leader finds out, too, when the next event comes; until then nothing is told.
		t.status, t.reason, until = statusOff, err.Error(), 0
	} else if err != nil {
		return m, 0, err
	}
	if sub.topic != "" {
		topics, err := s.door.Topics(ctx)
		if err != nil {
			return m, 0, err
		}
		if at := slices.IndexFunc(topics, func(t subscribe.Topic) bool { return t.Is(sub.topic) }); at >= 0 {
			t.topic = &topics[at]
		}
	}
	if content == "" {
		content = sub.target.Content
	}
	if media == "" {
		media = sub.target.Media
	}
	return t.message(ctx, kind, content, media, since, min(until, t.total), most)
}

// Took implements notify.Log.
func (s *Subscriptions) Took(ctx context.Context, id fhir.ID, number int64) error {
	for range attempts {
		state, version, err := s.delivery(ctx, id)
		if err != nil || state.Taken >= number {
			return s.door.fault(err)
		}
		state.Taken, state.Delivered = number, s.door.now()
		body, err := json.Marshal(state)
		if err != nil {
			return err
		}
		err = s.door.store.WriteItems(ctx, false, store.ItemChange{Item: store.Item{Kind: kindDelivery, ID: string(id), Body: body}, Expect: version})
		if !errors.Is(err, store.ErrVersion) {
			return s.door.fault(err)
		}
	}
	return s.door.fault(store.ErrVersion)
}

// Wake implements notify.Log.
func (s *Subscriptions) Wake() <-chan struct{} { return s.wake.wait() }

// Off implements notify.Log.
func (s *Subscriptions) Off(ctx context.Context, id fhir.ID, reason string) error {
	if _, _, err := s.stored(ctx, id); err != nil {
		return err
	}
	_, err := s.door.restate(ctx, id, 0, statusOff, bounded(reason))
	return s.door.fault(err)
}

// kindNudge is the kind of items that ask the process that leads to try one again.
const kindNudge = "subscription-nudge"

// Retry implements notify.Log. One that is off is requested anew.
func (s *Subscriptions) Retry(ctx context.Context, id fhir.ID) error {
	sub, _, err := s.stored(ctx, id)
	if err != nil {
		return err
	}
	if sub.status == statusOff {
		return refuseSubscription("status", "it is off: have its subscriber, or its app, request it anew")
	}
	return s.door.fault(s.door.store.WriteItems(ctx, false, store.ItemChange{
		Item: store.Item{Kind: kindNudge, ID: string(id), Body: []byte("{}")}, Expect: store.Any,
	}))
}

// nudges does what Retry asked for.
func (l *leader) nudges(ctx context.Context) error {
	some, err := l.d.store.ListItems(ctx, kindNudge, "", 100)
	if err != nil {
		return err
	}
	for _, item := range some {
		if f := l.followers[fhir.ID(item.ID)]; f != nil {
			f.retry.Store(true)
			f.nudge()
		}
		item.Body = nil
		if err := l.d.store.WriteItems(ctx, false, store.ItemChange{Item: item, Expect: store.Any, Delete: true}); err != nil {
			return err
		}
	}
	return nil
}

// Try implements notify.Log.
func (s *Subscriptions) Try(ctx context.Context, id fhir.ID) error {
	m, _, err := s.message(ctx, nil, id, notify.Heartbeat, "", "", 1, 0, 1)
	if err != nil {
		return s.door.fault(err)
	}
	sub, _, err := s.stored(ctx, id)
	if err != nil {
		return err
	}
	if sub.target.Endpoint == "" {
		return errors.New("its subscriber opens the channel, and is told when it does: there is nothing to be tried from here")
	}
	return s.channel.Send(ctx, sub.target, m)
}
