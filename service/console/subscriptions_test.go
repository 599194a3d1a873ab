package console_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fhir"
)

// wire is a channel that can be cut.
type wire struct{ cut atomic.Bool }

func (w *wire) Check(context.Context, notify.Target) error { return nil }

func (w *wire) Send(context.Context, notify.Target, notify.Message) error {
	if w.cut.Load() {
		return errors.New("the endpoint failed with 500")
	}
	return nil
}

func TestSubscriptionsAreSeenTestedAndTurnedOff(t *testing.T) {
	o := newOffice(t)
	admin, vera := o.enter("root"), o.enter("vera")
	vera.get("/console/subscriptions").Want(403)
	admin.get("/console/subscriptions").Want(200).Has("Nobody is told of changes")
	vera.get("/console/health").Want(200).Has("Nobody is told of changes.").Lacks(`href="/console/subscriptions"`, `href="/console/jobs"`)
	w := &wire{}
	o.Door.Subscribe(records.SubscriptionConfig{Channel: w})
	o.Put(`{"resourceType":"Subscription","id":"s","status":"requested","reason":"test","criteria":"Patient?active=true","channel":{"type":"rest-hook","endpoint":"https://app.example/secret"}}`)
	admin.get("/console/subscriptions").Want(200).Has("rest-hook to app.example", "Patient?active=true", "requested", "Whoever runs the server", `data-confirm="Turn this Subscription off?`).Lacks("secret")
	act := func(what string) placetest.Answer {
		return admin.fill("/console/subscriptions", "/console/subscriptions", "subscription", "s", "act", what)
	}
	act("try").Want(200).Has("The test was taken")
	admin.get("/console/health").Want(200).Has("1 subscription, ", `href="/console/subscriptions">The subscriptions`, `href="/console/jobs">All jobs`)
	w.cut.Store(true)
	act("try").Want(422).Has("The test was not taken: the endpoint failed with 500")
	act("retry").Want(200).Has("tried again at once")
	act("burn").Want(400)
	act("off").Want(200).Has("The Subscription is off", "turned off by an administrator").Lacks("Retry now")
	r, err := o.Door.Session(records.Principal{}, nil).Read(t.Context(), fhir.Key{Type: "Subscription", ID: "s"}, records.ReadOptions{})
	if err != nil || !strings.Contains(string(r.JSON), `"status":"off"`) {
		t.Errorf("%v %s", err, r.JSON)
	}
}
