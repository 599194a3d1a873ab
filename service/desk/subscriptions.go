package desk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var subscriptionsTemplate = pages.Parse(pageFiles, "subscriptions.html", "page/head.html")

// subscriptionsShown is how many subscriptions a page lists, and eventsShown how many of
// the latest events of one are shown.
const (
	subscriptionsShown = 50
	eventsShown        = 20
)

// subscribed is a Subscription of the app.
type subscribed struct {
	notify.State
	Tag   pages.Tag
	Inbox string // address where its events are shown; "" outside of a sandbox
}

// happened is an event as its subscriber is told of it.
type happened struct {
	Number      int64
	At          time.Time
	Interaction notify.Interaction
	Focus       fhir.Key
	JSON        string // of the focus; "" of a delete
}

// subscriptionsPage shows what an app can be told of, and what it was told.
type subscriptionsPage struct {
	head
	None    bool // nobody is told of anything here
	Topics  []pages.Choice
	Snippet string
	Scopes  bool // the app may ask for a scope to create Subscriptions
	List    []subscribed
	Pager   pages.Pager
	Inbox   *notify.State // of which events are shown; nil for none
	Again   string        // address of the same, anew
	Events  []happened
	Refused []string // why there are none
}

func showSubscriptions(v *pages.Visit, c *identity.Client) error {
	return writeSubscriptions(v, c, nil)
}

func writeSubscriptions(v *pages.Visit, c *identity.Client, problems []pages.Problem) error {
	h, err := heading(v, c, "/subscriptions")
	if err != nil {
		return err
	}
	f := frame(v, "Subscriptions of "+c.Name, "", pages.Wide)
	f.Problems, f.Notice = problems, notices[v.Query.Get("done")]
	page := subscriptionsPage{head: h}
	if err := page.fill(v, c); err != nil {
		return err
	}
	return v.Write(pages.StatusOf(problems), f, subscriptionsTemplate, page)
}

func (p *subscriptionsPage) fill(v *pages.Visit, c *identity.Client) error {
	log := v.Door.Subscriptions()
	if p.None = log == nil; p.None {
		return nil
	}
	topics, err := v.Door.Topics(v.R.Context())
	if err != nil {
		return err
	}
	chosen := v.Query.Get("topic")
	for _, t := range topics {
		chosen = cmp.Or(chosen, t.URL)
		p.Topics = append(p.Topics, pages.Choice{Value: t.URL, Name: cmp.Or(t.Title, t.URL), Chosen: t.URL == chosen})
	}
	p.Snippet = subscribing(v.Identity.FHIRBase(), c.Name, chosen)
	p.Scopes = c.Scopes.Covered("system/Subscription.c")
	after := fhir.ID(v.Query.Get("after"))
	states, err := log.StatesOf(v.R.Context(), c.ID, after, subscriptionsShown)
	if err != nil {
		return err
	}
	at := p.Address + "/subscriptions?"
	for _, s := range states {
		one := subscribed{State: s, Tag: pages.SubscriptionTags[s.Status]}
		if p.Sandbox {
			one.Inbox = at + url.Values{"after": {string(after)}, "inbox": {string(s.Subscription)}}.Encode() + "#inbox"
		}
		p.List = append(p.List, one)
	}
	if len(states) == subscriptionsShown {
		p.Pager.After = at + url.Values{"after": {string(states[len(states)-1].Subscription)}}.Encode()
	}
	asked := fhir.ID(v.Query.Get("inbox"))
	if !p.Sandbox || asked == "" {
		return nil
	}
	one, err := subscriptionOf(v, c, asked)
	if err != nil {
		return err
	}
	p.Inbox, p.Again = &one, at+url.Values{"after": {string(after)}, "inbox": {string(asked)}}.Encode()+"#inbox"
	return p.open(v, log)
}

// open shows the latest events, with what the subscriber may see of them now.
func (p *subscriptionsPage) open(v *pages.Visit, log notify.Log) error {
	s := p.Inbox
	since := max(s.Kept, s.Total-eventsShown+1, 1)
	if since > s.Total {
		return nil
	}
	m, _, err := log.Message(v.R.Context(), s.Subscription, notify.QueryEvent, notify.FullResource, "application/fhir+json", since, s.Total, eventsShown)
	if err != nil {
		return err
	}
	p.Refused = m.Errors
	for i := len(m.Events) - 1; i >= 0; i-- { // the latest first
		e := m.Events[i]
		var text bytes.Buffer
		if len(e.JSON) > 0 {
			if err := json.Indent(&text, e.JSON, "", "  "); err != nil {
				return err
			}
		}
		p.Events = append(p.Events, happened{Number: e.Number, At: e.At, Interaction: e.Interaction, Focus: e.Focus, JSON: text.String()})
	}
	return nil
}

// subscriptionOf is one that an app has made.
func subscriptionOf(v *pages.Visit, c *identity.Client, id fhir.ID) (notify.State, error) {
	none := fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such Subscription of the app.")
	if !id.Valid() {
		return notify.State{}, none
	}
	state, err := v.Door.Subscriptions().State(v.R.Context(), id)
	if fault.KindOf(err) == fault.NotFound || err == nil && state.Client != c.ID {
		err = none
	}
	return state, err
}

// subscribing is what an app sends to be told of a topic, by WebSocket: that needs no
// address of its own.
func subscribing(base, name, topic string) string {
	body := map[string]any{
		"resourceType": "Subscription", "status": "requested", "reason": name, "criteria": topic,
		"channel": map[string]any{"type": "websocket", "payload": "application/fhir+json", "_payload": map[string]any{"extension": []any{map[string]any{
			"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content", "valueCode": "id-only"}}}},
	}
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("curl %s -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/fhir+json' -d %s\n", shell(base+"/Subscription"), shell(string(text)))
}

// trySubscription sends a test to one of an app's.
func trySubscription(v *pages.Visit, c *identity.Client) error {
	id := fhir.ID(v.Form.Get("subscription"))
	v.Note(audit.Administer, "test of a Subscription of "+c.ID)
	if v.Door.Subscriptions() == nil {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "Nobody is told of anything here.")
	}
	if _, err := subscriptionOf(v, c, id); err != nil {
		return err
	}
	if err := v.Door.Subscriptions().Try(v.R.Context(), id); err != nil {
		return writeSubscriptions(v, c, []pages.Problem{{Message: "The test was not taken: " + err.Error() + "."}})
	}
	return done(v, c, "/subscriptions", "tested")
}
