package subscribe

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// TestMain is also the main of a subscriber's server that tests kill.
func TestMain(m *testing.M) {
	if address, file, ok := strings.Cut(os.Getenv(receiverVariable), " "); ok {
		fmt.Fprintln(os.Stderr, runReceiver(address, file))
		os.Exit(1)
	}
	os.Exit(pgtest.Main(m))
}

// loopbackAllowed is a guard that lets tests' receivers be reached.
func loopbackAllowed(t *testing.T) *guard.Guard {
	t.Helper()
	p, err := guard.ParsePlace("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return &guard.Guard{Places: []guard.Place{p}}
}

// open makes the channels of a test.
func open(t *testing.T, c Config) *Channels {
	t.Helper()
	if c.Guard == nil {
		c.Guard = loopbackAllowed(t)
	}
	c.Version, c.Log = "test", slog.New(slog.DiscardHandler)
	all, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(all.Close)
	return all
}

// hookTo is a target of a rest-hook.
func hookTo(endpoint string) notify.Target {
	return notify.Target{
		Subscription: "s1", Code: RestHook, Endpoint: endpoint, Media: "application/fhir+json", Content: notify.IDOnly, Timeout: 5 * time.Second,
	}
}

// events is a message of events by number.
func events(t *testing.T, target notify.Target, numbers ...int64) notify.Message {
	t.Helper()
	m := notify.Message{Notification: notify.Notification{
		ID: "b1f5a3a0-0000-4000-8000-000000000001", Base: "https://ehr.example/fhir", Subscription: target.Subscription, Topic: "https://ehr.example/topic", Status: "active",
		Kind: notify.OfEvents, Content: target.Content, At: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC), Total: numbers[len(numbers)-1],
	}}
	for _, n := range numbers {
		m.Events = append(m.Events, notify.Event{
			Number: n, Focus: fhir.Key{Type: "Observation", ID: "secret-patient-result"}, Version: 1, At: m.At, Interaction: notify.Create,
			JSON: []byte(`{"resourceType":"Observation","id":"secret-patient-result"}`),
		})
	}
	var err error
	if m.Body, err = m.Bundle(); err != nil {
		t.Fatal(err)
	}
	return m
}

// wantFault fails unless an error is a fault about an element.
func wantFault(t *testing.T, err error, element string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Issues[0].Path != "Subscription.channel."+element {
		t.Errorf("%v is no fault about %s", err, element)
	}
}
