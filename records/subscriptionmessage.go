package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// maxNotification bounds the bytes of resources in one notification: what comes after
// the event that reaches it comes in the next one.
const maxNotification = 512 << 10

// telling makes the messages of one subscription for its subscriber, as that may see
// things now.
type telling struct {
	s       *Subscriptions
	sub     *subscription
	topic   *subscribe.Topic // nil: none
	session *Session
	asks    *Session // who else must be allowed to see what is told; nil: nobody
	status  string
	reason  string
	total   int64
}

// message makes a message with the events from since to until, and of them the first
// most. last is the number of the last one looked at.
func (t *telling) message(ctx context.Context, kind notify.Kind, content notify.Content, media string, since, until int64, most int) (m notify.Message, last int64, err error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return m, 0, err
	}
	d := t.s.door
	m.Notification = notify.Notification{
		ID: id.String(), Release: t.sub.release, Base: d.base, Subscription: t.sub.id, Topic: t.sub.topic, Status: t.status, Kind: kind,
		Content: content, At: d.now(), Total: t.total, Plain: t.sub.target.Plain && (kind == notify.OfEvents || kind == notify.Handshake),
	}
	if t.reason != "" {
		m.Errors = append(m.Errors, t.reason)
	}
	last = since - 1
	if kind == notify.OfEvents || kind == notify.QueryEvent {
		trail := &audit.Trail{}
		ctx := audit.WithTrail(ctx, trail)
		if last, err = t.events(ctx, &m.Notification, since, until, most); err != nil {
			return m, 0, err
		}
		if err := t.record(ctx, trail, &m.Notification); err != nil {
			return m, 0, err
		}
	}
	m.Body, err = t.body(&m.Notification, media)
	return m, last, err
}

// events fills in what the session may see of the log.
func (t *telling) events(ctx context.Context, n *notify.Notification, since, until int64, most int) (last int64, err error) {
	since = max(since, 1)
	last = since - 1
	if until < since {
		return last, nil
	}
	if deaf, err := t.s.deaf(ctx, t.session, t.sub.id); err != nil || deaf {
		return max(last, min(until, t.total)), err
	}
	limit := int(min(int64(most), until-since+1))
	found, err := t.s.door.store.ReadEvents(ctx, eventLog(t.sub.id), since, limit)
	if err != nil {
		return last, err
	}
	if len(found) > 0 && found[0].Number > since || len(found) == 0 {
		gone := until
		if len(found) > 0 {
			gone = found[0].Number - 1
		}
		n.Errors = append(n.Errors, fmt.Sprintf("events %d to %d are not kept any more: read what they were about anew", since, gone))
		last = gone
	}
	size := 0
	for _, one := range found {
		if one.Number > until || size >= maxNotification {
			break
		}
		last = one.Number
		e, shown, err := t.event(ctx, one, n.Content)
		if err != nil {
			return last, err
		}
		if !shown {
			continue
		}
		n.Events = append(n.Events, e)
		size += len(e.JSON)
		for _, r := range e.Context {
			size += len(r.JSON)
		}
	}
	return last, nil
}

// event reads what an event is about. shown is false when the session may not see it
// any more.
func (t *telling) event(ctx context.Context, one store.Event, content notify.Content) (e notify.Event, shown bool, err error) {
	var stored event
	if err := json.Unmarshal(one.Body, &stored); err != nil {
		return e, false, err
	}
	typeName, id, _ := strings.Cut(stored.Key, "/")
	e = notify.Event{Number: one.Number, Focus: fhir.Key{Type: fhir.Type(typeName), ID: fhir.ID(id)}, Version: stored.Version, At: stored.At, Interaction: stored.By}
	d := t.s.door
	if t.session.may(e.Focus.Type, smart.Read) != nil {
		return e, false, nil
	}
	record, err := d.store.ReadVersion(ctx, e.Focus, e.Version)
	if errors.Is(err, store.ErrNotFound) { // expunged
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	if shown, err = t.shows(ctx, record); err != nil || !shown {
		return e, false, err
	}
	if stored.Former {
		if shown, err = t.showsFormer(ctx, record); err != nil || !shown {
			return e, false, err
		}
	}
	if content != notify.FullResource {
		d.touch(ctx, record)
	} else {
		res, err := t.teller().resource(ctx, record)
		if errors.Is(err, errWithheld) {
			return e, false, nil
		}
		if err != nil {
			return e, false, err
		}
		e.JSON = res.JSON
	}
	if content != notify.Empty && !record.Deleted {
		e.Context, err = t.context(ctx, record)
	}
	return e, err == nil, err
}

// shows says whether the subscriber, and who asks, may see a change.
func (t *telling) shows(ctx context.Context, record store.Record) (bool, error) {
	shown, err := t.session.changed(ctx, record, smart.Read)
	if err != nil || !shown || t.asks == nil {
		return shown, err
	}
	if t.asks.may(record.Key.Type, smart.Read) != nil {
		return false, nil
	}
	return t.asks.changed(ctx, record, smart.Read)
}

// showsFormer is shows of the version before: an event that there is because of it tells of
// it.
func (t *telling) showsFormer(ctx context.Context, record store.Record) (bool, error) {
	before, err := t.s.door.store.ReadVersion(ctx, record.Key, record.Version-1)
	if errors.Is(err, store.ErrNotFound) { // expunged
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return t.shows(ctx, before)
}

// teller is as whom resources are read: who asks, and else the subscriber.
func (t *telling) teller() *Session {
	if t.asks != nil {
		return t.asks
	}
	return t.session
}

// context is what the topic has go along with a resource.
func (t *telling) context(ctx context.Context, record store.Record) ([]notify.Resource, error) {
	if t.topic == nil {
		return nil, nil
	}
	var pairs []search.Pair
	for _, shape := range t.topic.Shapes {
		if shape.Resource != string(record.Key.Type) {
			continue
		}
		for _, i := range shape.Include {
			pairs = append(pairs, search.Pair{Name: "_include", Value: i})
		}
		for _, i := range shape.RevInclude {
			pairs = append(pairs, search.Pair{Name: "_revinclude", Value: i})
		}
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	teller := t.teller()
	q, _, err := teller.query(ctx, SearchRequest{Type: record.Key.Type, Pairs: pairs, Release: record.Release, Handling: HandlingLenient})
	if err != nil || teller.queries(q) != nil {
		return nil, nil //nolint:nilerr // a topic asks for what is not known, or not shown, here: the rest is told
	}
	var result SearchResult
	in := teller.inclusion(t.s.door.store, &result)
	in.matching = true // else nothing would be told any more
	if err := in.follow(ctx, q.Includes, []store.Record{record}); err != nil {
		return nil, err
	}
	var all []notify.Resource
	for _, e := range result.Entries {
		all = append(all, notify.Resource{Key: e.Key, JSON: e.JSON})
	}
	return all, nil
}

// record leaves the audit event of what is told, before it is.
func (t *telling) record(ctx context.Context, trail *audit.Trail, n *notify.Notification) error {
	log := t.s.door.Audit()
	if log == nil || len(n.Events) == 0 {
		return nil
	}
	e := &audit.Event{
		Kind: audit.Operation, Status: 200, Agent: t.teller().Principal().Agent, Target: "Subscription/" + string(t.sub.id) + "/$events",
		Note: fmt.Sprintf("events %d to %d by %s, %s", n.Events[0].Number, n.Events[len(n.Events)-1].Number, t.sub.target.Code, n.Content),
	}
	trail.Tell(e)
	t.session.Justify(ctx, e, "")
	return log.Record(ctx, e)
}

// body is the notification in a media type.
func (t *telling) body(n *notify.Notification, media string) ([]byte, error) {
	if n.Plain {
		if media == "" || len(n.Events) == 0 || n.Events[0].JSON == nil {
			return nil, nil
		}
		return t.in(media, n.Release, n.Events[0].JSON)
	}
	json, err := n.Bundle()
	if err != nil {
		return nil, err
	}
	return t.in(media, n.Release, json)
}

func (t *telling) in(media string, release definitions.Release, json []byte) ([]byte, error) {
	if !strings.Contains(media, fhirXML) { // an e-mail attaches it
		return json, nil
	}
	tree, err := fhir.ParseJSON(t.s.door.release(release).defs, json, storedLimits)
	if err != nil {
		return nil, err
	}
	return tree.Root().AppendXML(nil, false)
}
