package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// batch is what is matched before the next commit.
type batch struct {
	l        *leader
	sessions map[fhir.ID]*Session // nil in it: ended, deaf, or deleted by now
	events   []store.Event
	told     map[*follower]int64 // the number of the last event of each
}

// match finds whom a version concerns, and who may know of it.
func (b *batch) match(ctx context.Context, r store.Record) error {
	l := b.l
	if err := l.renew(ctx); err != nil {
		return err
	}
	if !l.set.Watches(string(r.Key.Type)) {
		return nil
	}
	change, err := l.change(ctx, r)
	if err != nil || change == nil {
		return err
	}
	failed := func(id string, err error) {
		if f := l.followers[fhir.ID(id)]; f != nil {
			f.end("its criteria cannot be evaluated: " + err.Error())
			l.set.Remove(id)
		}
	}
	for _, hit := range l.set.Match(ctx, change, failed) {
		f := l.followers[fhir.ID(hit.ID)]
		ok, err := b.admits(ctx, f, change, hit)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		last := b.told[f]
		if last == 0 {
			last = f.last.Load()
		}
		last++
		body, err := json.Marshal(event{r.Seq, r.Key.String(), r.Version, r.Updated, interactions[change.Interaction], hit.Former && change.Before != nil})
		if err != nil {
			return err
		}
		b.told[f] = last
		b.events = append(b.events, store.Event{Log: eventLog(f.sub.id), Number: last, Body: body})
	}
	return nil
}

var interactions = map[subscribe.Interactions]notify.Interaction{subscribe.Create: notify.Create, subscribe.Update: notify.Update, subscribe.Delete: notify.Delete}

// change is what a version did; nil for what tells nothing any more.
func (l *leader) change(ctx context.Context, r store.Record) (*subscribe.Change, error) {
	c := &subscribe.Change{Interaction: subscribe.Create}
	if !r.Deleted {
		doc, tree, err := l.document(ctx, r)
		if err != nil || doc == nil || !l.set.Concerns(doc) {
			return nil, err
		}
		c.After, c.AfterTree = doc, tree
	}
	if r.Version == 1 {
		return c, nil
	}
	before, err := l.d.store.ReadVersion(ctx, r.Key, r.Version-1)
	if errors.Is(err, store.ErrNotFound) { // expunged
		before.Deleted, err = true, nil
	}
	if err != nil {
		return nil, err
	}
	switch {
	case r.Deleted && before.Deleted:
		return nil, nil
	case r.Deleted:
		c.Interaction = subscribe.Delete
	case !before.Deleted:
		c.Interaction = subscribe.Update
	}
	if !before.Deleted {
		if c.Before, c.BeforeTree, err = l.document(ctx, before); err != nil {
			return nil, err
		}
		if c.Before != nil {
			c.Before.Former = r.Deleted
		}
	}
	return c, nil
}

// document is what is matched of a version, nil of one that cannot be read here.
func (l *leader) document(ctx context.Context, r store.Record) (*search.Document, func() (*fhir.Tree, error), error) {
	if l.d.release(r.Release) == nil {
		return nil, nil, nil
	}
	doc, err := l.d.document(ctx, r)
	if err != nil {
		return nil, nil, fmt.Errorf("records: %s in version %d: %w", r.Key, r.Version, err)
	}
	return doc, sync.OnceValues(func() (*fhir.Tree, error) { return l.d.tree(r) }), nil
}

// admits says whether the subscriber may know of a change: of the resource as it is,
// and where that matters, as it was.
func (b *batch) admits(ctx context.Context, f *follower, c *subscribe.Change, hit subscribe.Hit) (bool, error) {
	session, known := b.sessions[f.sub.id]
	if !known {
		var err error
		session, err = b.l.s.sessions.Stand(ctx, b.l.d, f.standing)
		if errors.Is(err, ErrStanding) {
			f.end(err.Error())
			b.l.set.Remove(string(f.sub.id))
			session, err = nil, nil
		}
		if err != nil {
			return false, err
		}
		if session != nil {
			deaf, err := b.l.s.deaf(ctx, session, f.sub.id)
			gone := fault.KindOf(err) == fault.NotFound // its delete comes behind the change
			if err != nil && !gone {
				return false, err
			}
			if deaf || gone {
				session = nil
			}
		}
		b.sessions[f.sub.id] = session
	}
	if session == nil {
		return false, nil
	}
	docs := []*search.Document{c.After}
	if c.After == nil || hit.Former {
		docs = append(docs, c.Before)
	}
	for _, doc := range docs {
		if doc == nil {
			continue
		}
		if session.may(doc.Key.Type, smart.Read) != nil {
			return false, nil
		}
		filter := session.filter([]string{string(doc.Key.Type)}, smart.Read)
		if filter == nil {
			continue
		}
		if ok, err := search.Match(ctx, filter, doc, matchSource{door: b.l.d}); !ok || err != nil {
			return false, unlessUndecided(err)
		}
	}
	return true, nil
}
