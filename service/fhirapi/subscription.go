package fhirapi

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Bounds of what is told of subscriptions at once.
const (
	maxStatuses    = 1000
	maxEventsAsked = 1000
)

const backportOperation = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-"

// subscriptionOperations are those of the Subscriptions R5 Backport guide.
func subscriptionOperations() []*operation {
	of := []fhir.Type{"Subscription"}
	return []*operation{
		{
			name: "status", url: backportOperation + "status", typed: true, instance: true, types: of, run: (*call).subscriptionStatus,
			doc: "How subscriptions are: their status, errors and the number of events so far (of a type: parameters id and status, each as often as you like).",
		},
		{
			name: "events", url: backportOperation + "events", instance: true, types: of, run: (*call).subscriptionEvents,
			doc: "The events of a subscription again, as its subscriber may see them now (parameters eventsSinceNumber, eventsUntilNumber, content), the first 1000 of them.",
		},
		{
			name: "get-ws-binding-token", url: backportOperation + "get-ws-binding-token", typed: true, instance: true, types: of, run: (*call).bindingToken,
			doc: "A token that binds a WebSocket to subscriptions of channel websocket: those of the parameter id, or all of whoever asks.",
		},
	}
}

// subscriptions are those of the tenant.
func (c *call) subscriptions() (*records.Subscriptions, error) {
	if s := c.door.Subscriptions(); s != nil {
		return s, nil
	}
	return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "This server tells nobody of changes.")
}

// subscriptionStatus performs $status: a searchset of the status of each.
func (c *call) subscriptionStatus(ctx context.Context, in *invocation) ([]byte, error) {
	s, err := c.subscriptions()
	if err != nil {
		return nil, err
	}
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return nil, err
	}
	if err := (parameters{pairs: pairs}).known(in.Op, "id", "status"); err != nil {
		return nil, err
	}
	ids := []fhir.ID{in.ID}
	if in.ID != "" {
		if _, err := c.session.Read(ctx, in.key(), records.ReadOptions{}); err != nil {
			return nil, err
		}
	} else if ids, err = c.subscriptionIDs(ctx, pairs); err != nil {
		return nil, err
	}
	b := &bundle{c: c}
	b.begin("searchset")
	b.total(int64(len(ids)))
	b.link("self", in.address(), pairs, "")
	if in.ID == "" { // those of several releases are told in one
		in.release = c.definitions(in.release).Release
	}
	for _, id := range ids {
		m, _, err := s.Message(ctx, id, notify.QueryStatus, notify.Empty, "", 0, 0, 0)
		if fault.KindOf(err) == fault.NotFound { // deleted just now
			continue
		}
		if err != nil {
			return nil, err
		}
		if in.release == "" {
			in.release = m.Release
		}
		m.Release = in.release
		b.entry()
		b.buf = append(b.buf, `"fullUrl":"urn:uuid:`...)
		b.buf = append(b.buf, uuid.NewString()...)
		b.buf = append(b.buf, `","resource":`...)
		b.buf = append(b.buf, m.StatusResource()...)
		b.buf = append(b.buf, `,"search":{"mode":"match"}}`...)
	}
	b.end()
	return b.buf, nil
}

// subscriptionIDs are the Subscriptions that the session may read: those with one of the
// ids and one of the statuses that are asked for.
func (c *call) subscriptionIDs(ctx context.Context, asked []search.Pair) ([]fhir.ID, error) {
	var pairs []search.Pair
	for from, to := range map[string]string{"id": "_id", "status": "status"} {
		var values []string
		for _, p := range asked {
			if p.Name == from {
				values = append(values, search.Escape(p.Value))
			}
		}
		if len(values) > 0 {
			pairs = append(pairs, search.Pair{Name: to, Value: strings.Join(values, ",")})
		}
	}
	var ids []fhir.ID
	request := records.SearchRequest{Type: "Subscription", Pairs: pairs}
	for {
		page, err := c.session.Search(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			if e.Mode == records.ModeMatch {
				ids = append(ids, e.Key.ID)
			}
		}
		if len(ids) > maxStatuses {
			return nil, fault.New(fault.Invalid, fault.CodeTooCostly, "", "There are more than %d Subscriptions: ask for some by the parameter id.", maxStatuses)
		}
		if request.After = page.Next; request.After == "" {
			return ids, nil
		}
	}
}

// subscriptionEvents performs $events: a notification of events that there were.
func (c *call) subscriptionEvents(ctx context.Context, in *invocation) ([]byte, error) {
	s, err := c.subscriptions()
	if err != nil {
		return nil, err
	}
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	if err := p.only(in.Op, "eventsSinceNumber", "eventsUntilNumber", "content"); err != nil {
		return nil, err
	}
	state, err := s.Mine(ctx, c.session, in.ID)
	if err != nil {
		return nil, err
	}
	since, err := p.eventNumber("eventsSinceNumber", max(state.Kept, 1))
	if err != nil {
		return nil, err
	}
	until, err := p.eventNumber("eventsUntilNumber", state.Total)
	if err != nil {
		return nil, err
	}
	content := notify.Content(p.text("content"))
	if content != "" && !slices.Contains([]notify.Content{notify.Empty, notify.IDOnly, notify.FullResource}, content) {
		return nil, errParameter(p.node("content"), "content is empty, id-only or full-resource, not %q.", fault.Shorten(string(content)))
	}
	m, _, err := s.MessageFor(ctx, c.session, in.ID, notify.QueryEvent, content, "application/fhir+json", since, until, maxEventsAsked)
	in.release = m.Release
	return m.Body, err
}

// eventNumber reads a parameter that is the number of an event.
func (p parameters) eventNumber(name string, otherwise int64) (int64, error) {
	text := p.text(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, errParameter(p.node(name), "%s is the number of an event, such as 17, not %q.", name, fault.Shorten(text))
	}
	return n, nil
}

// bindingToken performs $get-ws-binding-token.
func (c *call) bindingToken(ctx context.Context, in *invocation) ([]byte, error) {
	s, err := c.subscriptions()
	if err != nil {
		return nil, err
	}
	if c.api.config.Bind == nil {
		return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "This server has no WebSockets.")
	}
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return nil, err
	}
	if err := (parameters{pairs: pairs}).known(in.Op, "id"); err != nil {
		return nil, err
	}
	ids, err := c.toBind(ctx, s, in.ID, pairs)
	if err != nil {
		return nil, err
	}
	bound, err := c.api.config.Bind(ctx, c.session, ids)
	if err != nil {
		return nil, err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	all := []any{
		texts("token", bound.Token),
		map[string]string{"name": "expiration", "valueDateTime": bound.Until.UTC().Format(time.RFC3339)},
	}
	for _, id := range bound.Subscriptions {
		all = append(all, texts("subscription", string(id)))
	}
	all = append(all, map[string]string{"name": "websocket-url", "valueUrl": bound.Address})
	return json.Marshal(map[string]any{"resourceType": "Parameters", "parameter": all})
}

// toBind are the subscriptions that a token is asked for: one, those of the parameter
// id, or all by WebSocket of whoever asks.
func (c *call) toBind(ctx context.Context, s *records.Subscriptions, one fhir.ID, pairs []search.Pair) (ids []fhir.ID, err error) {
	switch {
	case one != "":
		ids = []fhir.ID{one}
	case len(pairs) > 0:
		for _, p := range pairs {
			ids = append(ids, fhir.ID(p.Value))
		}
	default:
		return c.allToBind(ctx, s)
	}
	for _, id := range ids {
		if !id.Valid() {
			return nil, errBadID(string(id))
		}
		state, err := s.Mine(ctx, c.session, id)
		if err != nil {
			return nil, err
		}
		if !byWebSocket(state) {
			return nil, fault.New(fault.Unprocessable, fault.CodeBusinessRule, "", "Subscription/%s has the channel %s, not websocket.", id, state.Code)
		}
	}
	return ids, nil
}

func (c *call) allToBind(ctx context.Context, s *records.Subscriptions) (ids []fhir.ID, err error) {
	all, err := c.subscriptionIDs(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, id := range all {
		state, err := s.Mine(ctx, c.session, id)
		switch kind := fault.KindOf(err); {
		case err == nil && byWebSocket(state):
			ids = append(ids, id)
		case err != nil && kind != fault.Forbidden && kind != fault.NotFound && kind != fault.Gone:
			return nil, err
		}
	}
	if len(ids) == 0 {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "You have no Subscription of channel websocket.")
	}
	return ids, nil
}

func byWebSocket(s notify.State) bool { return s.System == "" && s.Code == "websocket" }
