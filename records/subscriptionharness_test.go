package records_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
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
	deadline := time.Now().Add(time.Minute)
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

func encounterOf(id, status, patient string) string {
	return fmt.Sprintf(`{"resourceType":"Encounter","id":%q,"status":%q,"class":{"code":"AMB"},"subject":{"reference":"Patient/%s"}}`, id, status, patient)
}
