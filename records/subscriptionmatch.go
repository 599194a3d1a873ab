package records

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
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

// The item that has the place of the leader in the feed, in kindLead.
const idPlace = "place"

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

// leaderPolls is how soon a change of another process is seen.
const leaderPolls = 100 * time.Millisecond

// alone is how long the leader goes on when there are no Subscriptions.
const alone = 10 * time.Second

// readPlace reads the place in the feed, with the version of the item that has it: 0 when
// nobody led yet.
func readPlace(ctx context.Context, from store.Identity) (at store.Seq, version int64, err error) {
	item, err := from.ReadItem(ctx, kindLead, idPlace)
	if errors.Is(err, store.ErrNotFound) {
		return 0, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(item.Body, &at)
	}
	return at, item.Version, err
}

// placeChange makes a place durable.
func placeChange(at store.Seq, version int64) (store.ItemChange, error) {
	body, err := json.Marshal(at)
	return store.ItemChange{Item: store.Item{Kind: kindLead, ID: idPlace, Body: body}, Expect: version}, err
}

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

// batch is what is matched before the next commit.
type batch struct {
	l        *leader
	sessions map[fhir.ID]*Session // nil in it: ended
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
		body, err := json.Marshal(event{r.Seq, r.Key.String(), r.Version, r.Updated, interactions[change.Interaction]})
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
		if ok, err := search.Match(ctx, filter, doc, matchSource{b.l.d}); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}
