package leaktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fhir"
)

// TestNothingHiddenIsNotified subscribes for random people and has the oracle explain
// what they are told while resources, labels, consents and roles change. It is run like
// TestNothingHiddenIsTold.
func TestNothingHiddenIsNotified(t *testing.T) { fuzz(t, 5*time.Second, notifications, false) }

var notifications = []request{{"notifications", askNotifications}, {"topics", askTopics}, {"topics", askTopics}}

// mailbox has what subscribers are told, and whose eyes they have.
type mailbox struct {
	log *records.Subscriptions

	mu    sync.Mutex
	rules *access.Rules
	got   []notify.Message
	marks int64 // Basics that were written for the subscriber who sees everything
}

const marker = "mark" // the Subscription of that, and its app

// subscribe has the door tell subscribers until the test ends.
func (r *rig) subscribe() {
	r.Helper()
	b := &mailbox{}
	b.log = r.teller.Subscribe(records.SubscriptionConfig{Channel: b, Sessions: b})
	r.mail = b
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	var working sync.WaitGroup
	working.Go(func() {
		if err := r.teller.Work(ctx); err != nil {
			r.Error(err)
		}
	})
	r.Cleanup(func() { stop(); working.Wait() })
	r.subscribeTo(marker, "Basic?_id=mark", "empty")
}

// Check implements notify.Channel.
func (b *mailbox) Check(context.Context, notify.Target) error { return nil }

// Send implements notify.Channel.
func (b *mailbox) Send(_ context.Context, t notify.Target, m notify.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.Subscription != marker && m.Kind == notify.OfEvents {
		b.got = append(b.got, m)
	}
	return nil
}

// Stand implements records.Sessions.
func (b *mailbox) Stand(_ context.Context, d *records.Door, s records.Standing) (*records.Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Client == marker {
		return d.Session(records.Principal{ID: marker, Standing: s}, nil), nil
	}
	return d.Session(records.Principal{ID: "subscriber", Standing: s}, b.rules), nil
}

// sees has the subscriber see what the asker does from now on.
func (b *mailbox) sees(rules *access.Rules) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules = rules
}

// take takes what came.
func (b *mailbox) take() []notify.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// subscribeTo writes a Subscription and waits until it is active. content "" is R4's own
// form, which sends the resource alone; filters are of a topic.
func (r *rig) subscribeTo(id, criteria, content string, filters ...string) {
	r.Helper()
	payload, choice := "", ""
	for _, f := range filters {
		choice += fmt.Sprintf(`,{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria","valueString":%q}`, f)
	}
	if choice != "" {
		choice = `,"_criteria":{"extension":[` + choice[1:] + `]}`
	}
	if content != "" {
		payload = fmt.Sprintf(`,"_payload":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content","valueCode":%q}]}`, content)
	}
	k := fhir.Key{Type: "Subscription", ID: fhir.ID(id)}
	by := r.teller.Session(records.Principal{ID: "admin", Standing: records.Standing{Client: id}}, nil)
	body := fmt.Appendf(nil, `{"resourceType":"Subscription","id":%q,"status":"requested","reason":"test","criteria":%q%s,"channel":{"type":"rest-hook","endpoint":"https://app.example/hook","payload":"application/fhir+json"%s}}`, id, criteria, choice, payload)
	if _, err := by.Update(r.Context(), k, records.Content{JSON: body}, records.UpdateOptions{}); err != nil {
		r.Fatal(err)
	}
	r.await(id, func(s notify.State) bool { return s.Status == "active" })
}

// await waits until a Subscription is as it is to be.
func (r *rig) await(id string, is func(notify.State) bool) notify.State {
	r.Helper()
	var last notify.State
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		s, err := r.mail.log.State(r.Context(), fhir.ID(id))
		if err != nil {
			r.Fatal(err)
		}
		if last = s; is(s) {
			return s
		}
	}
	r.Fatalf("Subscription/%s stays as it is: %+v", id, last)
	return last
}

// settled waits until everything that was written is matched, and what came of it
// delivered.
func (r *rig) settled(id string) notify.State {
	r.Helper()
	r.mail.marks++
	r.put("Basic/mark", fmt.Sprintf(`{"code":{"text":"%d"}}`, r.mail.marks))
	r.await(marker, func(s notify.State) bool { return s.Total == r.mail.marks })
	return r.await(id, func(s notify.State) bool { return s.Taken == s.Total })
}

// happening is an event that the oracle expects.
type happening struct {
	number int64
	v      *leaktest.Version
}

// askNotifications goes through the life of a Subscription with criteria of its own.
func askNotifications(r *rig) {
	watched := pick(r, watchable)
	criteria := r.watched(watched)
	query := watched
	if criteria != nil {
		query += "?" + (&question{criteria: criteria}).query()
	}
	l := &life{r: r, topic: &leaktest.Topic{Triggers: []leaktest.Trigger{{Type: watched, On: "create,update"}}}, filters: map[string][]leaktest.Criterion{watched: criteria}, content: pick(r, []string{"", "empty", "id-only", "full-resource"})}
	l.live(query)
}

// life is that of a Subscription. Criteria of its own are filters of a topic.
type life struct {
	r       *rig
	id      string
	topic   *leaktest.Topic
	filters map[string][]leaktest.Criterion // of each type
	content string
	all     []happening
}

func (l *life) live(criteria string, filters ...string) {
	r := l.r
	r.Helper()
	if r.mail == nil {
		r.subscribe()
	}
	r.made++
	l.id = fmt.Sprint("s", r.made)
	r.look()
	r.mail.sees(r.rules())
	r.subscribeTo(l.id, criteria, l.content, filters...)
	r.asked("Subscription to %s of %+v, filtered by %q, payload %q", criteria, l.topic, filters, l.content)
	r.sync()
	r.news = nil
	for range 4 + r.random.IntN(8) {
		r.happen()
		state := r.settled(l.id)
		written := append(r.news, r.sync()...) // the feed has all of it now
		r.news = nil
		r.look()
		var now []happening
		for _, v := range written {
			if r.sight.Hears(l.topic, v, l.filters) {
				now = append(now, happening{int64(len(l.all) + 1), v})
				l.all = append(l.all, now[len(now)-1])
			}
		}
		l.notified(now, state.Total)
	}
	l.again()
	r.delete("Subscription/" + l.id)
	r.sync()
}

// watchable are the types that Subscriptions are about. Observations come and go more
// often.
var watchable = []string{"Observation", "Observation", "DiagnosticReport"}

// watched is what a Subscription asks of resources of a type; nil: nothing.
func (r *rig) watched(typeName string) []leaktest.Criterion {
	for _, c := range r.params[typeName] {
		values := map[string]string{"code": "urn:c|a", "status": "final", "subject": "Patient/" + pick(r, []string{"p", "q"})}
		if value := values[c.Code]; value != "" && r.chance(40) {
			return []leaktest.Criterion{&leaktest.Own{Param: c, Values: []string{value}}}
		}
	}
	return nil
}

// observations is how many Observations come and go.
const observations = 2

// happen has something happen, after which the subscriber sees what the asker does.
func (r *rig) happen() {
	r.Helper()
	reference := fmt.Sprint("Observation/told", r.random.IntN(observations))
	if r.chance(25) {
		reference = report
	}
	switch n := r.random.IntN(10); {
	case n < 6 && reference == report:
		r.report()
	case n < 6:
		body := map[string]any{
			"status": pick(r, statuses), "subject": map[string]any{"reference": pick(r, []string{"Patient/p", "Patient/q", "Patient/r"})},
			"code": map[string]any{"coding": []any{map[string]any{"system": "urn:c", "code": pick(r, []string{"a", "b"})}}, "text": fmt.Sprint(r.random.Int())},
		}
		if r.chance(30) {
			body["meta"] = map[string]any{"security": []any{coding(pick(r, labels))}}
		}
		if r.chance(30) {
			body["encounter"] = map[string]any{"reference": pick(r, []string{"Encounter/top", "Encounter/q"})}
		}
		text, err := json.Marshal(body)
		if err != nil {
			r.Fatal(err)
		}
		r.put(reference, string(text))
	case n < 7 && r.world.Current(reference) != nil:
		r.delete(reference)
	case n < 8 && r.asks.Roles != nil:
		r.asks.Roles = r.roles()
	default:
		r.change()
	}
	r.look()
	r.mail.sees(r.rules())
}

// notified checks what came of what happened last: events, their content, and how many
// there were so far.
func (l *life) notified(want []happening, total int64) {
	r, so := l.r, int64(len(l.all))
	r.Helper()
	if total != so {
		r.wrong("there were %d events, and not %d", total, so)
	}
	var events []notify.Event
	for _, m := range r.mail.take() {
		if m.Total > so {
			r.wrong("the subscriber is told of %d events, and not of %d", m.Total, so)
		}
		events = append(events, m.Events...)
		l.carries(m, l.content)
	}
	r.foci("notifications", events, want)
}

// foci compares events with what they are to be.
func (r *rig) foci(what string, events []notify.Event, want []happening) {
	r.Helper()
	var got, is []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%d: %s/%d", e.Number, e.Focus, e.Version))
	}
	for _, w := range want {
		is = append(is, fmt.Sprintf("%d: %s/%d", w.number, w.v.Reference(), w.v.Number))
	}
	if !slices.Equal(got, is) {
		r.wrong("%s are about %q and not about %q", what, got, is)
	}
}

// carries checks that the body of a notification has what its events say, and no more than its
// content is.
func (l *life) carries(m notify.Message, content string) {
	r := l.r
	r.Helper()
	var named []string
	for _, e := range m.Events {
		named = append(named, e.Focus.String())
		if has := strings.Contains(string(m.Body), e.Focus.String()); content == "empty" && has {
			r.wrong("a notification without content names %s: %s", e.Focus, m.Body)
		}
		l.goesAlong(m, e, content)
		if content == "empty" || content == "id-only" {
			if e.JSON != nil || strings.Contains(string(m.Body), fmt.Sprintf(`"resourceType":%q`, e.Focus.Type)) {
				r.wrong("a notification of %s has the resource: %s", content, m.Body)
			}
			continue
		}
		if e.Interaction == notify.Delete {
			if e.JSON != nil {
				r.wrong("%s is gone, and the notification has %s", e.Focus, e.JSON)
			}
			continue
		}
		in, err := read(e.JSON)
		if err != nil || in.ID != string(e.Focus.ID) || in.Meta.VersionID != fmt.Sprint(e.Version) || !strings.Contains(string(m.Body), string(e.JSON)) {
			r.wrong("the notification of version %d of %s has %s (%v): %s", e.Version, e.Focus, e.JSON, err, m.Body)
		}
	}
	if content == "id-only" || content == "empty" {
		r.discreet(string(m.Body), strings.Join(append(named, "Subscription/s"), " ")+string(m.Subscription))
	}
}

// goesAlong checks what goes along with an event.
func (l *life) goesAlong(m notify.Message, e notify.Event, content string) {
	r := l.r
	r.Helper()
	v := r.world.Version(e.Focus.String(), e.Version)
	if v == nil {
		r.wrong("there is no version %d of %s", e.Version, e.Focus)
		return
	}
	want := r.sight.Beside(l.topic, v)
	if content == "empty" {
		want = nil
	}
	var got []string
	for _, one := range e.Context {
		got = append(got, one.Key.String())
		if content != "full-resource" {
			continue
		}
		in, err := read(one.JSON)
		if now := r.world.Current(one.Key.String()); err != nil || now == nil || in.Meta.VersionID != fmt.Sprint(now.Number) || !strings.Contains(string(m.Body), string(one.JSON)) {
			r.wrong("with %s goes %s, which is not what there is (%v): %s", e.Focus, one.JSON, err, m.Body)
		}
	}
	r.same("what goes along with "+e.Focus.String(), got, want)
}

// again asks for the events and the status once more, by the rights of now: as nobody but
// the subscriber, as one who sees the same, and as another one, who is not told more than both
// see.
func (l *life) again() {
	r := l.r
	r.Helper()
	subscriber := r.sight
	same := r.teller.Session(records.Principal{ID: "subscriber"}, r.rules())
	for _, asks := range []*records.Session{nil, same} {
		l.events(asks, subscriber)
	}
	m, _, err := r.mail.log.Message(r.Context(), fhir.ID(l.id), notify.QueryStatus, notify.Empty, "", 0, 0, 0)
	if err != nil || m.Total != int64(len(l.all)) || len(m.Events) > 0 {
		r.wrong("$status says %d of %d, with %d events: %v", m.Total, len(l.all), len(m.Events), err)
	}
	r.discreet(string(m.StatusResource()), "Subscription/"+l.id)
	if len(l.all) == 0 {
		return
	}
	for range 5 {
		did := r.did
		r.come()
		r.did = append(did, "(somebody else asks)")
		l.events(r.teller.Session(records.Principal{ID: "other"}, r.rules()), subscriber, r.sight)
	}
}

// events asks for all events as somebody; all whose sights count have to see them.
func (l *life) events(asks *records.Session, sights ...*leaktest.Sight) {
	r := l.r
	r.Helper()
	var want []happening
	for _, one := range l.all {
		if !slices.ContainsFunc(sights, func(s *leaktest.Sight) bool { return !s.HearsAgain(l.topic, one.v, l.filters) }) {
			want = append(want, one)
		}
	}
	content := pick(r, []notify.Content{notify.Empty, notify.IDOnly, notify.FullResource})
	m, _, err := r.mail.log.MessageFor(r.Context(), asks, fhir.ID(l.id), notify.QueryEvent, content, "application/fhir+json", 1, 1000, 1000)
	if err != nil {
		r.wrong("$events: %v", err)
		return
	}
	r.foci("$events", m.Events, want)
	l.carries(m, string(content))
	if m.Total != int64(len(l.all)) {
		r.wrong("$events says %d of %d", m.Total, len(l.all))
	}
}
