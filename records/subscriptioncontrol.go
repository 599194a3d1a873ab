package records

import (
	"bytes"
	"context"
	"errors"

	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// control takes in a version that changes who is to be told of what.
func (l *leader) control(ctx context.Context, r store.Record) error {
	switch r.Key.Type {
	case subscriptionType:
		if r.Deleted {
			return l.drop(ctx, r.Key.ID)
		}
		if r.Body == nil {
			full, err := l.d.store.ReadVersion(ctx, r.Key, r.Version)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			r = full
		}
		return l.put(ctx, r)
	case basicType:
		l.stale = l.stale || r.Version > 1 || r.Body == nil || bytes.Contains(r.Body, []byte(topicType))
	case topicType, searchParameter:
		l.stale = true
	}
	return nil
}

// renew compiles everything anew, by the topics and search parameters there are now. What
// cannot be matched any more is off.
func (l *leader) renew(ctx context.Context) (err error) {
	if !l.stale {
		return nil
	}
	if l.topics, err = l.d.Topics(ctx); err != nil {
		return err
	}
	for id, f := range l.followers {
		criteria, topic, err := f.sub.compile(l.topics, l.d.catalogs())
		if err != nil {
			f.end("its criteria cannot be matched any more: " + err.Error())
			l.set.Remove(string(id))
			continue
		}
		f.topic.Store(topic)
		l.set.Put(string(id), criteria)
	}
	l.stale = false
	return nil
}

// put takes in a version of a Subscription.
func (l *leader) put(ctx context.Context, r store.Record) error {
	if err := l.renew(ctx); err != nil {
		return err
	}
	id := r.Key.ID
	tree, err := l.d.tree(r)
	if err != nil {
		return err
	}
	old := l.followers[id]
	if tree.Root().Child("status").Text() == statusOff {
		l.stop(id)
		return nil
	}
	sub, err := readSubscription(l.d.Name(), tree.Root())
	if err == nil {
		sub.version = r.Version
		if old != nil && old.sub.same(sub) && sub.status != statusRequested {
			return nil // the server's own
		}
		var criteria *subscribe.Criteria
		var topic *subscribe.Topic
		if criteria, topic, err = sub.compile(l.topics, l.d.catalogs()); err == nil {
			l.stop(id)
			f, err := l.follow(ctx, sub, topic)
			if err != nil {
				return err
			}
			l.set.Put(string(id), criteria)
			l.followers[id] = f
			return nil
		}
	}
	l.stop(id)
	_, err = l.d.restate(ctx, id, r.Version, statusOff, "it cannot be matched: "+err.Error())
	if errors.Is(err, store.ErrVersion) {
		err = nil // its later version comes
	}
	return err
}

// stop ends the follower of a subscription and waits for it.
func (l *leader) stop(id fhir.ID) {
	l.set.Remove(string(id))
	if f := l.followers[id]; f != nil {
		f.cancel()
		<-f.done
		delete(l.followers, id)
	}
}

// drop forgets a subscription that was deleted.
func (l *leader) drop(ctx context.Context, id fhir.ID) error {
	l.stop(id)
	last, err := l.d.store.LastEvent(ctx, eventLog(id))
	if err != nil {
		return err
	}
	if last > 0 {
		if err := l.d.store.CutEvents(ctx, eventLog(id), last+1); err != nil {
			return err
		}
	}
	return l.d.store.WriteItems(ctx, false, store.ItemChange{Item: store.Item{Kind: kindDelivery, ID: string(id)}, Expect: store.Any, Delete: true})
}
