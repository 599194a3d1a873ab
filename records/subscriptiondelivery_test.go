package records_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
)

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
