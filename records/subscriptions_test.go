package records_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

const (
	startTopic  = "https://ingle.health/fhir/SubscriptionTopic/encounter-start"
	recordTopic = "https://ingle.health/fhir/SubscriptionTopic/record-change"
)

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
