package records_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// TestAfterAConsentIsRevokedTheNextEventIsAbsent has a patient's Consent deny the
// subscriber's access between two events.
func TestAfterAConsentIsRevokedTheNextEventIsAbsent(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		for _, id := range []string{"a", "b"} {
			h.put(t, "Patient/"+id, `{"resourceType":"Patient","id":%q}`, id)
		}
		h.put(t, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		h.sessions.are(func(d *records.Door) (*records.Session, error) { return clinician(t, d), nil })
		h.subscribeTo(t, "s", "Encounter")
		h.put(t, "Encounter/1", "%s", encounterOf("1", "planned", "a"))
		h.hears(t, "s", "handshake", "1:create:Encounter/1")
		consents(t, h.Session(records.Principal{}, nil), "c", "a", denyAll)
		h.put(t, "Encounter/2", "%s", encounterOf("2", "planned", "a"))
		h.put(t, "Encounter/3", "%s", encounterOf("3", "planned", "b"))
		h.hears(t, "s", "handshake", "1:create:Encounter/1", "2:create:Encounter/3")
		// Asked for again, what was told before is absent, too.
		m, last, err := h.log.Message(t.Context(), "s", notify.QueryEvent, notify.FullResource, "", 1, 10, 10)
		if err != nil || last != 2 || len(m.Events) != 1 || m.Events[0].Number != 2 || bytes.Contains(m.Body, []byte("Encounter/1")) {
			t.Errorf("%d %v %s", last, err, m.Body)
		}
	})
}

// TestNothingIsToldOfWhatIsMasked has a role mask what a Subscription goes by, before the
// Subscription is made and afterwards.
func TestNothingIsToldOfWhatIsMasked(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		const topic = "http://x.example/moved"
		h.put(t, "Basic/topic", "%s", strings.Replace(basicTopic(topic, ""), `{"url":"queryCriteria","extension":[{"url":"current","valueString":""}]}`,
			`{"url":"fhirPathCriteria","valueString":"%current.address.city = 'Berlin'"}`, 1))
		for _, c := range []struct {
			masked   mask.Path
			criteria string
		}{
			{"Patient.address", "Patient?address-city=Berlin"}, {"Patient.address", topic}, {"Patient.name", "Observation?subject:text=Berlin"},
			{"Practitioner.name", topic}, // an expression may ask what references tell
		} {
			criteria := c.criteria
			_, err := behindMask(t, h.Door, c.masked).Update(t.Context(), key("Subscription/s"), body("%s", subscriptionOf("s", criteria)), records.UpdateOptions{})
			refused(t, err, fault.Forbidden, "does not show")
		}
		h.subscribeTo(t, "path", topic)
		h.subscribeTo(t, "search", "Patient?address-city=Berlin")
		h.subscribeTo(t, "all", "Patient")
		patient := func(id string) {
			h.put(t, "Patient/"+id, `{"resourceType":"Patient","id":%q,"address":[{"city":"Berlin"}]}`, id)
		}
		patient("1")
		for _, id := range []string{"path", "search", "all"} {
			h.hears(t, id, "handshake", "1:create:Patient/1")
		}
		h.sessions.are(func(d *records.Door) (*records.Session, error) { return behindMask(t, d, "Patient.address"), nil })
		patient("2")
		h.hears(t, "all", "handshake", "1:create:Patient/1", "2:create:Patient/2")
		for _, id := range []fhir.ID{"path", "search"} {
			m, last, err := h.log.Message(t.Context(), id, notify.QueryEvent, notify.IDOnly, "", 1, 10, 10)
			if err != nil || last != 1 || len(m.Events) != 0 || m.Total != 1 {
				t.Errorf("%s: %d %v %+v", id, last, err, m.Notification)
			}
		}
		h.sessions.are(nil)
		patient("3")
		h.hears(t, "path", "handshake", "1:create:Patient/1", "2:create:Patient/3")
	})
}

// TestASubscriptionThatIsDeletedWhileAnEarlierChangeIsMatchedHoldsUpNoOther has the subscriber's
// role mask something, so that the Subscription is read anew.
func TestASubscriptionThatIsDeletedWhileAnEarlierChangeIsMatchedHoldsUpNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		h.subscribeTo(t, "gone", "Patient")
		h.subscribeTo(t, "stays", "Patient")
		var once sync.Once
		h.sessions.are(func(d *records.Door) (*records.Session, error) {
			once.Do(func() { h.delete(t, "Subscription/gone") })
			return behindMask(t, d, "Patient.address"), nil
		})
		h.put(t, "Patient/1", `{"resourceType":"Patient","id":"1"}`)
		h.hears(t, "stays", "handshake", "1:create:Patient/1")
	})
}

func TestEachDeliveryLeavesAnAuditEventBeforeItLeaves(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		var log *audit.Log
		h := db.telling(t, func(c *records.Config, _ *records.SubscriptionConfig) {
			log = must(audit.Open(t.Context(), audit.Config{Store: c.Store, Secret: unsealed{}, Origin: base}))(t)
			c.Audit = log
			t.Cleanup(func() {
				if err := log.Close(); err != nil {
					t.Error(err)
				}
			})
		})
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a"}`)
		h.subscribeTo(t, "s", "Encounter")
		h.put(t, "Encounter/1", "%s", encounterOf("1", "planned", "a"))
		h.hears(t, "s", "handshake", "1:create:Encounter/1")
		if err := log.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := log.Find(t.Context(), audit.Query{Limit: 10})
		if err != nil || len(found.Events) != 1 {
			t.Fatalf("%+v %v", found, err)
		}
		e := found.Events[0]
		if e.Target != "Subscription/s/$events" || len(e.Patients) != 1 || e.Patients[0].Key != "Patient/a" || e.Patients[0].Entities[0].Key != "Encounter/1" || e.Note != "events 1 to 1 by rest-hook, id-only" {
			t.Errorf("%+v", e)
		}
	})
}

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// TestTimeIsKeptWhileASubscriberIsAway goes through days: heartbeats, a subscriber who
// comes back after a day, one who does not for a week, and the end of a Subscription.
func TestTimeIsKeptWhileASubscriberIsAway(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		c := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		h := db.telling(t, func(rc *records.Config, s *records.SubscriptionConfig) {
			rc.Clock, s.Attempts, s.Backoff = c.now, 2, func(int) time.Duration { return time.Minute }
		})
		hold := strings.Replace(strings.Replace(subscriptionOf("s", "Patient"), `"channel":{`,
			`"channel":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-heartbeat-period","valueUnsignedInt":3600}],`, 1),
			`"reason"`, `"end":"2026-03-20T00:00:00Z","reason"`, 1)
		h.put(t, "Subscription/s", "%s", hold)
		h.await(t, "s", "active")
		look := func() { must(0, h.log.Retry(t.Context(), "s"))(t) } // instead of waiting for its minute
		heartbeats := func() (n int) {
			h.receiver.mu.Lock()
			defer h.receiver.mu.Unlock()
			for _, m := range h.receiver.got {
				if m.Kind == notify.Heartbeat {
					n++
				}
			}
			return n
		}
		c.pass(time.Hour)
		look()
		await(t, func() bool { return heartbeats() == 1 })
		h.receiver.does(func(notify.Target, notify.Message) error { return errors.New("away") })
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a"}`)
		for i := 0; ; i++ {
			if status, _ := h.status(t, "s"); status == "error" {
				break
			}
			if i > 100 {
				t.Fatal("it is in no error")
			}
			c.pass(2 * time.Minute)
			look()
			time.Sleep(300 * time.Millisecond)
		}
		c.pass(24 * time.Hour)
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b"}`)
		h.receiver.does(nil)
		look()
		h.hears(t, "s", "handshake", "1:create:Patient/a", "2:create:Patient/b")
		h.await(t, "s", "active")
		c.pass(30 * 24 * time.Hour)
		look()
		h.await(t, "s", "off")
		if _, reason := h.status(t, "s"); reason != "its end has come" {
			t.Error(reason)
		}

		h.subscribeTo(t, "never", "Patient")
		h.receiver.does(func(notify.Target, notify.Message) error { return errors.New("away") })
		h.put(t, "Patient/c", `{"resourceType":"Patient","id":"c"}`)
		await(t, func() bool { st, err := h.log.State(t.Context(), "never"); return err == nil && st.Failures > 0 })
		c.pass(8 * 24 * time.Hour)
		must(0, h.log.Retry(t.Context(), "never"))(t)
		h.await(t, "never", "off")
		if _, reason := h.status(t, "never"); !strings.Contains(reason, "nothing was taken since") {
			t.Error(reason)
		}
	})
}

// TestHeadersOfARestHookAreShownToWhomTheyBelong has another app read a Subscription.
func TestHeadersOfARestHookAreShownToWhomTheyBelong(t *testing.T) {
	h := newDatabase(t, "sqlite").telling(t)
	secret := strings.Replace(subscriptionOf("s", "Patient"), `"payload"`, `"header":["Authorization: Bearer secret"],"payload"`, 1)
	session := func(client string) *records.Session {
		return h.Session(records.Principal{Standing: records.Standing{Client: client}}, denying{"Observation"})
	}
	res, err := session("mine").Update(t.Context(), key("Subscription/s"), body("%s", secret), records.UpdateOptions{})
	if err != nil || !strings.Contains(string(res.JSON), "Bearer secret") {
		t.Fatalf("%s %v", res.JSON, err)
	}
	h.await(t, "s", "active")
	for client, want := range map[string]bool{"mine": true, "other": false} {
		got, err := session(client).Read(t.Context(), key("Subscription/s"), records.ReadOptions{})
		if err != nil || strings.Contains(string(got.JSON), "Bearer secret") != want || !strings.Contains(string(got.JSON), "app.example") {
			t.Errorf("%s reads %s %v", client, got.JSON, err)
		}
	}
}

// TestWhoChangesTheSubscriptionOfAnotherTakesNoHeadersOver has another app patch one, and
// label it: what the first one's receiver is told as proof goes nowhere else.
func TestWhoChangesTheSubscriptionOfAnotherTakesNoHeadersOver(t *testing.T) {
	h := newDatabase(t, "sqlite").telling(t)
	session := func(client string) *records.Session {
		return h.Session(records.Principal{Standing: records.Standing{Client: client}}, denying{"Observation"})
	}
	patch := func(s *records.Session, id, document string) error {
		_, err := s.Patch(t.Context(), key("Subscription/"+id), records.PatchContent{Format: records.JSONPatch, Body: []byte(document)}, records.UpdateOptions{})
		return err
	}
	label := metaOf(t, `{"tag":[{"code":"x"}]}`)
	for id, change := range map[string]func(*records.Session) error{
		"endpoint": func(s *records.Session) error {
			return patch(s, "endpoint", `[{"op":"replace","path":"/channel/endpoint","value":"https://elsewhere.example/x"}]`)
		},
		"label": func(s *records.Session) error {
			_, err := s.MetaAdd(t.Context(), key("Subscription/label"), label, records.UpdateOptions{})
			return err
		},
	} {
		secret := strings.Replace(subscriptionOf(id, "Patient"), `"payload"`, `"header":["Authorization: Bearer secret"],"payload"`, 1)
		must(session("mine").Update(t.Context(), key("Subscription/"+id), body("%s", secret), records.UpdateOptions{}))(t)
		h.await(t, id, "active")
		if err := patch(session("other"), id, `[{"op":"copy","from":"/channel/header/0","path":"/reason"}]`); err == nil {
			t.Errorf("%s: a header is copied to where it is shown", id)
		}
		if err := change(session("other")); err != nil {
			t.Fatal(err)
		}
		got := must(session("other").Read(t.Context(), key("Subscription/"+id), records.ReadOptions{}))(t)
		if strings.Contains(string(got.JSON), "secret") || len(must(h.log.State(t.Context(), fhir.ID(id)))(t).Headers) != 0 {
			t.Errorf("%s: %s", id, got.JSON)
		}
	}
	secret := strings.Replace(subscriptionOf("own", "Patient"), `"payload"`, `"header":["Authorization: Bearer secret"],"payload"`, 1)
	must(session("mine").Update(t.Context(), key("Subscription/own"), body("%s", secret), records.UpdateOptions{}))(t)
	if err := patch(session("mine"), "own", `[{"op":"replace","path":"/channel/endpoint","value":"https://app.example/new"}]`); err != nil {
		t.Error(err)
	}
	if got := must(h.log.State(t.Context(), "own"))(t).Headers; len(got) != 1 {
		t.Errorf("its own app loses %v", got)
	}
}

// TestEventsAreNotForATokenThatDoesNotReadTheirType asks by another token of the same app.
func TestEventsAreNotForATokenThatDoesNotReadTheirType(t *testing.T) {
	h := newDatabase(t, "sqlite").telling(t)
	without := func(unread fhir.Type) *records.Session {
		return h.Session(records.Principal{Standing: records.Standing{Client: "mine"}}, denying{unread})
	}
	must(without("Observation").Update(t.Context(), key("Subscription/s"), body("%s", subscriptionOf("s", "Patient")), records.UpdateOptions{}))(t)
	h.await(t, "s", "active")
	for unread, want := range map[fhir.Type]fault.Kind{"Observation": 0, "Patient": fault.Forbidden} {
		if _, err := h.log.Mine(t.Context(), without(unread), "s"); (err != nil) != (want != 0) || err != nil && fault.KindOf(err) != want {
			t.Errorf("without %s: %v", unread, err)
		}
	}
}

// TestR4sOwnFormHasTheResourceItself has neither a topic nor the guide's extensions.
func TestR4sOwnFormHasTheResourceItself(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.telling(t)
		for id, payload := range map[string]string{"full": `,"payload":"application/fhir+json"`, "empty": ""} {
			h.put(t, "Subscription/"+id, `{"resourceType":"Subscription","id":%q,"status":"requested","reason":"r","criteria":"Patient?active=true","channel":{"type":"rest-hook","endpoint":"https://app.example/x"%s}}`, id, payload)
			h.await(t, id, "active")
		}
		h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a","active":true}`)
		h.put(t, "Patient/b", `{"resourceType":"Patient","id":"b","active":true}`)
		h.hears(t, "full", "1:create:Patient/a", "2:create:Patient/b")
		h.hears(t, "empty", "1:create:Patient/a", "2:create:Patient/b")
		h.receiver.mu.Lock()
		defer h.receiver.mu.Unlock()
		for _, m := range h.receiver.got {
			want := ""
			if m.Subscription == "full" {
				want = fmt.Sprintf(`"id":"%s"`, m.Events[0].Focus.ID)
			}
			if !m.Plain || len(m.Events) != 1 || (len(m.Body) == 0) != (want == "") || !strings.Contains(string(m.Body), want) || strings.Contains(string(m.Body), "Bundle") {
				t.Errorf("%s: %s", m.Subscription, m.Body)
			}
		}
	})
}

// TestWhoCannotStandForASubscriptionCannotMakeOne asks with what ends with the visit.
func TestWhoCannotStandForASubscriptionCannotMakeOne(t *testing.T) {
	h := newDatabase(t, "sqlite").telling(t)
	h.sessions.are(func(*records.Door) (*records.Session, error) {
		return nil, fault.Wrap(records.ErrStanding, fault.Forbidden, fault.CodeForbidden, "", "nobody stands for it")
	})
	_, err := h.Session(records.Principal{}, denying{"Observation"}).Update(t.Context(), key("Subscription/s"), body("%s", subscriptionOf("s", "Patient")), records.UpdateOptions{})
	if fault.KindOf(err) != fault.Forbidden || !strings.Contains(err.Error(), "goes on when you are away") {
		t.Error(err)
	}
}
