package records_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// receiver is a channel whose subscribers do what a test says.
type receiver struct {
	mu    sync.Mutex
	got   []notify.Message
	takes func(t notify.Target, m notify.Message) error // nil: everything
}

func (r *receiver) Check(_ context.Context, t notify.Target) error {
	if t.Code != "rest-hook" && t.Code != "websocket" {
		return fault.New(fault.Unprocessable, fault.CodeNotSupported, "Subscription.channel.type", "no such channel")
	}
	return nil
}

func (r *receiver) Send(_ context.Context, t notify.Target, m notify.Message) error {
	r.mu.Lock()
	takes := r.takes
	r.mu.Unlock()
	if takes != nil {
		if err := takes(t, m); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, m)
	return nil
}

func (r *receiver) does(takes func(t notify.Target, m notify.Message) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takes = takes
}

// told is what a subscription was told, one word a notification or event. Heartbeats
// are left out.
func (r *receiver) told(id string) (words []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.got {
		if string(m.Subscription) != id {
			continue
		}
		if m.Kind == notify.Handshake {
			words = append(words, string(m.Kind))
		}
		for _, e := range m.Events {
			words = append(words, fmt.Sprintf("%d:%s:%s", e.Number, e.Interaction, e.Focus))
		}
	}
	return words
}

// sessions stand as a test says.
type sessions struct {
	mu    sync.Mutex
	stand func(door *records.Door) (*records.Session, error)
}

func (s *sessions) Stand(_ context.Context, door *records.Door, _ records.Standing) (*records.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stand == nil {
		return door.Session(records.Principal{}, nil), nil
	}
	return s.stand(door)
}

func (s *sessions) are(stand func(door *records.Door) (*records.Session, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stand = stand
}

// house is a door that tells subscribers.
type house struct {
	*records.Door
	receiver *receiver
	sessions *sessions
	log      *records.Subscriptions
	stop     func()
}

func (db database) telling(t testing.TB, change ...func(*records.Config, *records.SubscriptionConfig)) *house {
	t.Helper()
	h := &house{receiver: &receiver{}, sessions: &sessions{}}
	c := records.Config{Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: records.DefaultPolicy()}
	s := records.SubscriptionConfig{Channel: h.receiver, Sessions: h.sessions, Backoff: func(int) time.Duration { return 10 * time.Millisecond }}
	for _, f := range change {
		f(&c, &s)
	}
	var err error
	if h.Door, err = records.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	h.log = h.Subscribe(s)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var working sync.WaitGroup
	working.Go(func() {
		if err := h.Work(ctx); err != nil {
			t.Error(err)
		}
	})
	h.stop = func() { cancel(); working.Wait() }
	t.Cleanup(h.stop)
	return h
}

func (h *house) put(t testing.TB, what string, content string, args ...any) records.Result {
	t.Helper()
	res, err := h.Session(records.Principal{}, nil).Update(t.Context(), key(what), body(content, args...), records.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (h *house) delete(t testing.TB, what string) {
	t.Helper()
	if _, err := h.Session(records.Principal{}, nil).Delete(t.Context(), key(what), records.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// subscribeTo makes a Subscription to a topic, or to criteria, with id-only payload.
func (h *house) subscribeTo(t testing.TB, id, criteria string, filters ...string) {
	t.Helper()
	h.put(t, "Subscription/"+id, "%s", subscriptionOf(id, criteria, filters...))
	h.await(t, id, "active")
}

func subscriptionOf(id, criteria string, filters ...string) string {
	var ext []string
	for _, f := range filters {
		ext = append(ext, fmt.Sprintf(`{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria","valueString":%q}`, f))
	}
	beside := ""
	if len(ext) > 0 {
		beside = `"_criteria":{"extension":[` + strings.Join(ext, ",") + `]},`
	}
	return fmt.Sprintf(`{"resourceType":"Subscription","id":%q,"status":"requested","reason":"test","criteria":%q,%s"channel":{"type":"rest-hook","endpoint":"https://app.example/hook",
		"payload":"application/fhir+json","_payload":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content","valueCode":"id-only"}]}}}`, id, criteria, beside)
}

func (h *house) status(t testing.TB, id string) (status, reason string) {
	t.Helper()
	st, err := h.log.State(t.Context(), fhir.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	return st.Status, st.Error
}

func (h *house) await(t testing.TB, id, status string) {
	t.Helper()
	await(t, func() bool { now, _ := h.status(t, id); return now == status })
}

// hears waits until a subscription was told just this.
func (h *house) hears(t testing.TB, id string, want ...string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := h.receiver.told(id)
		if slices.Equal(got, want) {
			return
		}
		if len(got) > len(want) || time.Now().After(deadline) {
			t.Fatalf("%s hears %q, not %q", id, got, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

const (
	startTopic  = "https://ingle.health/fhir/SubscriptionTopic/encounter-start"
	recordTopic = "https://ingle.health/fhir/SubscriptionTopic/record-change"
)

func encounterOf(id, status, patient string) string {
	return fmt.Sprintf(`{"resourceType":"Encounter","id":%q,"status":%q,"class":{"code":"AMB"},"subject":{"reference":"Patient/%s"}}`, id, status, patient)
}

func TestSubscribersAreToldWhatTheirTopicSays(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a"}`)
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b"}`)
		h.subscribeTo(t, "start", startTopic, "Encounter?patient=Patient/a")
		h.subscribeTo(t, "record", recordTopic, "?patient=Patient/b")
		h.subscribeTo(t, "plain", "Encounter?status=finished")
		h.put(t, "Encounter/1", "%s", encounterOf("1", "planned", "a"))
		h.put(t, "Encounter/1", "%s", encounterOf("1", "in-progress", "a"))
		h.put(t, "Encounter/2", "%s", encounterOf("2", "in-progress", "b"))
		h.put(t, "Encounter/1", "%s", encounterOf("1", "finished", "a"))
		h.delete(t, "Encounter/2")
		h.put(t, "Encounter/2", "%s", encounterOf("2", "finished", "b"))
		h.hears(t, "start", "handshake", "1:update:Encounter/1")
		h.hears(t, "record", "handshake", "1:create:Encounter/2", "2:delete:Encounter/2", "3:create:Encounter/2")
		h.hears(t, "plain", "handshake", "1:update:Encounter/1", "2:create:Encounter/2")
		h.receiver.mu.Lock()
		defer h.receiver.mu.Unlock()
		for _, m := range h.receiver.got {
			if m.Subscription == "start" && m.Kind == notify.OfEvents && (len(m.Events[0].Context) != 1 || m.Events[0].Context[0].Key != key("Patient/a") || !strings.Contains(string(m.Body), base+"/Patient/a")) {
				t.Errorf("the topic's patient does not go along: %s", m.Body)
			}
		}
	})
}

func TestTopicsAreStoredByTheUsersThemselves(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		const x = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
		topic := func(status, current string) string {
			return fmt.Sprintf(`{"resourceType":"Basic","id":"topic","code":{"coding":[{"system":"http://hl7.org/fhir/fhir-types","code":"SubscriptionTopic"}]},"extension":[
				{"url":"%[1]surl","valueUri":"http://x.example/topic"},{"url":"%[1]sstatus","valueCode":%[2]q},
				{"url":"%[1]sresourceTrigger","extension":[{"url":"resource","valueUri":"Patient"},{"url":"queryCriteria","extension":[{"url":"current","valueString":%[3]q}]}]},
				{"url":"%[1]scanFilterBy","extension":[{"url":"resource","valueUri":"Patient"},{"url":"filterParameter","valueString":"gender"}]}]}`, x, status, current)
		}
		_, err := h.Session(records.Principal{}, nil).Update(t.Context(), key("Subscription/s"), body("%s", subscriptionOf("s", "http://x.example/topic")), records.UpdateOptions{})
		if fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "no topic") {
			t.Errorf("an unknown topic: %v", err)
		}
		_, err = h.Session(records.Principal{}, nil).Update(t.Context(), key("Basic/topic"), body("%s", topic("active", "organization.name=x")), records.UpdateOptions{})
		if err == nil || !strings.Contains(err.Error(), "other resources") {
			t.Errorf("a topic that cannot be matched: %v", err)
		}
		h.put(t, "Basic/topic", "%s", topic("active", "active=true"))
		h.subscribeTo(t, "s", "http://x.example/topic", "Patient?gender=female")
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a","active":true,"gender":"female"}`)
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b","active":true,"gender":"male"}`)
		h.put(t, "Patient/c", `{"resourceType":"Patient","id":"c","active":false,"gender":"female"}`)
		h.hears(t, "s", "handshake", "1:create:Patient/a")
		h.put(t, "Basic/topic", "%s", topic("active", "active=false"))
		await(t, func() bool {
			topics, err := h.Topics(t.Context())
			return err == nil && topics[len(topics)-1].Triggers[0].Query.Current == "active=false"
		})
		h.put(t, "Patient/d", `{"resourceType":"Patient","id":"d","active":false,"gender":"female"}`)
		h.put(t, "Patient/e", `{"resourceType":"Patient","id":"e","active":true,"gender":"female"}`)
		h.hears(t, "s", "handshake", "1:create:Patient/a", "2:create:Patient/d")
		// Without its topic nothing can ever come: that is said.
		h.put(t, "Basic/topic", "%s", topic("retired", "active=false"))
		h.await(t, "s", "off")
		if _, reason := h.status(t, "s"); !strings.Contains(reason, "no topic") {
			t.Error(reason)
		}
	})
}

func TestTheStatusOfASubscriptionIsTheServers(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		hold := make(chan struct{})
		h.receiver.does(func(notify.Target, notify.Message) error { <-hold; return nil })
		res := h.put(t, "Subscription/s", "%s", strings.Replace(subscriptionOf("s", "Patient?active=true"), "requested", "active", 1))
		if !strings.Contains(string(res.JSON), `"status":"requested"`) {
			t.Errorf("before the handshake: %s", res.JSON)
		}
		close(hold)
		h.await(t, "s", "active")
		h.put(t, "Subscription/s", "%s", strings.Replace(subscriptionOf("s", "Patient?active=true"), "requested", "off", 1))
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a","active":true}`)
		// Requested anew it counts on, and hears what comes from then on.
		h.subscribeTo(t, "s", "Patient?active=true")
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b","active":true}`)
		h.hears(t, "s", "handshake", "handshake", "1:create:Patient/b")
		h.delete(t, "Subscription/s")
		h.put(t, "Patient/c", `{"resourceType":"Patient","id":"c","active":true}`)
		h.subscribeTo(t, "other", "Patient?active=true")
		h.put(t, "Patient/d", `{"resourceType":"Patient","id":"d","active":true}`)
		h.hears(t, "other", "handshake", "1:create:Patient/d")
		if got := h.receiver.told("s"); len(got) != 3 {
			t.Errorf("a deleted subscription hears %q", got)
		}
	})
}

func TestASubscriptionThatCouldNeverFireIsRefused(t *testing.T) {
	h := newDatabase(t, "sqlite").telling(t)
	s := h.Session(records.Principal{}, nil)
	for name, test := range map[string]struct{ content, reason string }{
		"chain":   {subscriptionOf("s", "Observation?patient.name=x"), "other resources"},
		"unknown": {subscriptionOf("s", "Observation?kode=x"), "kode"},
		"channel": {strings.Replace(subscriptionOf("s", "Observation?code=x"), "rest-hook", "sms", 1), "no such channel"},
		"media":   {strings.Replace(subscriptionOf("s", "Observation?code=x"), "application/fhir+json", "text/plain", 1), "no media type"},
		"content": {strings.Replace(subscriptionOf("s", "Observation?code=x"), "id-only", "some", 1), "none of empty"},
		"filter":  {subscriptionOf("s", startTopic, "Encounter?status=planned"), "cannot be filtered"},
		"itself":  {subscriptionOf("s", "Subscription?status=active"), "$status"},
	} {
		_, err := s.Update(t.Context(), key("Subscription/s"), body("%s", test.content), records.UpdateOptions{})
		if fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Session(records.Principal{}, denying{"Observation"}).Update(t.Context(), key("Subscription/s"), body("%s", subscriptionOf("s", "Observation?code=x")), records.UpdateOptions{}); !errors.Is(err, records.ErrScope) {
		t.Errorf("about what may not be read: %v", err)
	}
	past := strings.Replace(subscriptionOf("past", "Patient"), `"reason"`, `"end":"2020-01-01T00:00:00Z","reason"`, 1)
	h.put(t, "Subscription/past", "%s", past)
	if status, reason := h.status(t, "past"); status != "off" || !strings.Contains(reason, "end") {
		t.Errorf("one that has ended is %s: %s", status, reason)
	}
}

// denying is access to everything but one type.
type denying struct{ t fhir.Type }

func (d denying) May(t fhir.Type, _ smart.Interactions) bool      { return t != d.t }
func (d denying) Filter([]string, smart.Interactions) search.Expr { return nil }
func (d denying) Knows(fhir.Key) bool                             { return false }
func (d denying) Narrows(fhir.Type, smart.Interactions) bool      { return false }

// TestEachDeliveryPassesTheDoorAtThatMoment has the subscriber's rights change between
// the event and its delivery, and between events.
func TestEachDeliveryPassesTheDoorAtThatMoment(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a"}`)
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b"}`)
		h.subscribeTo(t, "s", "Encounter")
		param, _ := h.Catalog("").Param("Encounter", "patient")
		h.sessions.are(func(d *records.Door) (*records.Session, error) {
			return d.Session(records.Principal{}, only{search.Reference{Param: param, Type: "Patient", ID: "a"}}), nil
		})
		h.put(t, "Encounter/1", "%s", encounterOf("1", "planned", "a"))
		h.put(t, "Encounter/2", "%s", encounterOf("2", "planned", "b")) // not seen: no number tells of it
		h.put(t, "Encounter/3", "%s", encounterOf("3", "planned", "a"))
		h.hears(t, "s", "handshake", "1:create:Encounter/1", "2:create:Encounter/3")
		// What was seen when it happened, and is not when it can be delivered, is absent.
		h.receiver.does(func(notify.Target, notify.Message) error { return errors.New("away") })
		h.put(t, "Encounter/4", "%s", encounterOf("4", "planned", "a"))
		h.await(t, "s", "error")
		h.put(t, "Encounter/4", "%s", encounterOf("4", "planned", "b"))
		h.put(t, "Encounter/5", "%s", encounterOf("5", "planned", "a"))
		await(t, func() bool { st, err := h.log.State(t.Context(), "s"); return err == nil && st.Total == 4 })
		h.receiver.does(nil)
		h.hears(t, "s", "handshake", "1:create:Encounter/1", "2:create:Encounter/3", "4:create:Encounter/5")
		h.await(t, "s", "active")
		h.sessions.are(func(*records.Door) (*records.Session, error) {
			return nil, fault.Wrap(records.ErrStanding, fault.Forbidden, fault.CodeForbidden, "", "the app is suspended")
		})
		h.put(t, "Encounter/6", "%s", encounterOf("6", "planned", "a"))
		h.await(t, "s", "off")
		if _, reason := h.status(t, "s"); !strings.Contains(reason, "suspended") {
			t.Error(reason)
		}
		h.hears(t, "s", "handshake", "1:create:Encounter/1", "2:create:Encounter/3", "4:create:Encounter/5")
	})
}

// What happens before a handshake is taken is told after it.
func TestAHandshakeThatFailsIsAnError(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t, func(_ *records.Config, s *records.SubscriptionConfig) { s.Attempts = 2 })
		h.receiver.does(func(notify.Target, notify.Message) error { return errors.New("it answers 404") })
		h.put(t, "Subscription/s", "%s", subscriptionOf("s", "Patient"))
		h.await(t, "s", "error")
		if _, reason := h.status(t, "s"); reason != "it answers 404" {
			t.Error(reason)
		}
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a"}`)
		if told := h.receiver.told("s"); len(told) > 0 {
			t.Errorf("told before the handshake was taken: %q", told)
		}
		h.receiver.does(nil)
		h.hears(t, "s", "handshake", "1:create:Patient/a")
		h.await(t, "s", "active")
	})
}

func TestWhatFailsIsTriedAgainAndSaid(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t, func(_ *records.Config, s *records.SubscriptionConfig) { s.Attempts = 3 })
		h.subscribeTo(t, "s", "Patient")
		h.subscribeTo(t, "other", "Patient")
		h.receiver.does(func(t notify.Target, _ notify.Message) error {
			if t.Subscription == "s" {
				return errors.New("it answers 500")
			}
			return nil
		})
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a"}`)
		h.await(t, "s", "error")
		if _, reason := h.status(t, "s"); reason != "it answers 500" {
			t.Error(reason)
		}
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b"}`)
		h.hears(t, "other", "handshake", "1:create:Patient/a", "2:create:Patient/b")
		h.receiver.does(nil)
		h.hears(t, "s", "handshake", "1:create:Patient/a", "2:create:Patient/b")
		h.await(t, "s", "active")
		if _, reason := h.status(t, "s"); reason != "" {
			t.Error(reason)
		}
		h.receiver.does(func(notify.Target, notify.Message) error { return notify.Permanent(errors.New("410 Gone")) })
		h.put(t, "Patient/c", `{"resourceType":"Patient","id":"c"}`)
		h.await(t, "s", "off")
	})
}

// TestWhoWasAwayTooLongIsToldFromWhereEventsAreGone keeps ten events of a log and has
// more happen while nobody takes them.
func TestWhoWasAwayTooLongIsToldFromWhereEventsAreGone(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t, func(_ *records.Config, s *records.SubscriptionConfig) { s.Attempts, s.KeepEvents = 1, 10 })
		h.subscribeTo(t, "s", "Patient")
		h.receiver.does(func(notify.Target, notify.Message) error { return errors.New("away") })
		for i := range 30 {
			h.put(t, fmt.Sprintf("Patient/%d", i), `{"resourceType":"Patient","id":"%d"}`, i)
		}
		await(t, func() bool {
			st, err := h.log.State(t.Context(), "s")
			return err == nil && st.Total == 30 && st.Kept > 20
		})
		h.receiver.does(nil)
		await(t, func() bool {
			st, err := h.log.State(t.Context(), "s")
			return err == nil && st.Taken == 30 && st.Status == "active"
		})
		h.receiver.mu.Lock()
		defer h.receiver.mu.Unlock()
		at := slices.IndexFunc(h.receiver.got, func(m notify.Message) bool { return m.Kind == notify.OfEvents })
		first := h.receiver.got[at]
		if len(first.Errors) != 1 || first.Errors[0] != "events 1 to 20 are not kept any more: read what they were about anew" || first.Events[0].Number != 21 ||
			!strings.Contains(string(first.Body), "are not kept any more") {
			t.Errorf("%+v", first)
		}
	})
}

func TestEventsAreSentTogetherInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		const n = 250
		h.put(t, "Subscription/s", "%s", strings.Replace(subscriptionOf("s", "Patient"), `"channel":{`,
			`"channel":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-max-count","valuePositiveInt":7}],`, 1))
		h.await(t, "s", "active")
		begin := make(chan struct{})
		h.receiver.does(func(notify.Target, notify.Message) error { <-begin; return nil })
		var contents []records.Content
		for i := range n {
			contents = append(contents, body(`{"resourceType":"Patient","id":"p%d"}`, i))
		}
		if _, err := h.Session(records.Principal{}, nil).Load(t.Context(), contents, records.LoadOptions{}); err != nil {
			t.Fatal(err)
		}
		close(begin)
		await(t, func() bool {
			st, err := h.log.State(t.Context(), "s")
			return err == nil && st.Taken == n
		})
		h.receiver.mu.Lock()
		defer h.receiver.mu.Unlock()
		next, most := int64(1), 0
		for _, m := range h.receiver.got {
			for _, e := range m.Events {
				if e.Number != next {
					t.Fatalf("event %d after %d", e.Number, next-1)
				}
				next++
			}
			most = max(most, len(m.Events))
		}
		if next != n+1 || most != 7 {
			t.Errorf("%d events, up to %d together", next-1, most)
		}
	})
}

// TestASlowSubscriberHoldsUpNobody has one hang for as long as its test lasts.
func TestASlowSubscriberHoldsUpNobody(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		h.subscribeTo(t, "slow", "Patient")
		h.subscribeTo(t, "other", "Patient")
		hang := make(chan struct{})
		h.receiver.does(func(t notify.Target, _ notify.Message) error {
			if t.Subscription == "slow" {
				<-hang
			}
			return nil
		})
		want := []string{"handshake"}
		for i := range 20 {
			h.put(t, fmt.Sprintf("Patient/%d", i), `{"resourceType":"Patient","id":"%d"}`, i)
			want = append(want, fmt.Sprintf("%d:create:Patient/%d", i+1, i))
		}
		h.hears(t, "other", want...)
		close(hang)
		h.hears(t, "slow", want...)
	})
}

// TestAnotherProcessTakesOver has three processes on one PostgreSQL, of which the one
// that tells subscribers stops in the middle.
func TestAnotherProcessTakesOver(t *testing.T) {
	db := newDatabase(t, "postgres")
	a := db.telling(t)
	a.subscribeTo(t, "s", "Patient")
	same := func(_ *records.Config, s *records.SubscriptionConfig) { s.Channel = a.receiver }
	db.telling(t, same)
	other := db.telling(t, same)
	want := []string{"handshake"}
	for i := range 40 {
		if i == 20 {
			a.stop()
		}
		other.put(t, fmt.Sprintf("Patient/%d", i), `{"resourceType":"Patient","id":"%d"}`, i)
		want = append(want, fmt.Sprintf("%d:create:Patient/%d", i+1, i))
	}
	a.hears(t, "s", want...)
}

func TestEventsCanBeAskedForAgain(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		h.subscribeTo(t, "s", "Patient")
		for i := range 5 {
			h.put(t, fmt.Sprintf("Patient/%d", i), `{"resourceType":"Patient","id":"%d","active":true}`, i)
		}
		await(t, func() bool {
			st, err := h.log.State(t.Context(), "s")
			return err == nil && st.Taken == 5
		})
		m, last, err := h.log.Message(t.Context(), "s", notify.QueryEvent, notify.FullResource, "application/fhir+xml", 2, 4, 2)
		if err != nil || last != 3 || len(m.Events) != 2 || m.Events[0].Number != 2 || m.Total != 5 {
			t.Fatalf("%d %+v %v", last, m, err)
		}
		if !strings.Contains(string(m.Body), `<active value="true"/>`) || !strings.Contains(string(m.Body), `query-event`) {
			t.Errorf("%s", m.Body)
		}
		states, err := h.log.States(t.Context(), "", 10)
		if err != nil || len(states) != 1 || states[0].Total != 5 || states[0].Kept != 1 {
			t.Errorf("%+v %v", states, err)
		}
		if err := h.log.Off(t.Context(), "s", "by an administrator"); err != nil {
			t.Fatal(err)
		}
		h.await(t, "s", "off")
		if fault.KindOf(h.log.Retry(t.Context(), "s")) != fault.Unprocessable || fault.KindOf(h.log.Off(t.Context(), "none", "")) != fault.NotFound {
			t.Error("what is off, or not there, is tried again")
		}
	})
}

func TestTheSubscriptionsOfAnAppAreFoundHoweverManyOthersHave(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d, err := records.Open(t.Context(), records.Config{Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: records.DefaultPolicy()})
		if err != nil {
			t.Fatal(err)
		}
		log := d.Subscribe(records.SubscriptionConfig{Channel: &receiver{}})
		subscribe := func(app string, ids ...string) {
			t.Helper()
			s := d.Session(records.Principal{Client: app, Standing: records.Standing{Client: app}}, nil)
			for _, id := range ids {
				if _, err := s.Update(t.Context(), key("Subscription/"+id), body("%s", subscriptionOf(id, "Observation?status=final")), records.UpdateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var others []string
		for i := range 130 {
			others = append(others, fmt.Sprintf("m%03d", i))
		}
		subscribe("other", others...)
		subscribe("mine", "a", "m100-mine", "z1", "z2")
		after, all := fhir.ID(""), []string{}
		for range 3 {
			some, err := log.StatesOf(t.Context(), "mine", after, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range some {
				after = s.Subscription
				all = append(all, string(after))
			}
			all = append(all, "|")
		}
		if got := strings.Join(all, " "); got != "a m100-mine z1 | z2 | |" {
			t.Error(got)
		}
	})
}
