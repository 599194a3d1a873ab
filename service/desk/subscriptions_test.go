package desk_test

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

func TestADeveloperSeesWhatAnAppIsToldOf(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, seesWhatAnAppIsToldOf)
	}
}

func seesWhatAnAppIsToldOf(t *testing.T) {
	w := newWorkshop(t, true)
	b := w.enter("dev")
	b.get("/developers/new").want(200)
	made := b.post("/developers/new", "client_name", "Sensor", "kind", "backend", "scope", "system/Observation.rs system/Subscription.cruds").want(200)
	id := regexp.MustCompile(`/developers/app/([\w-]+)`).FindStringSubmatch(made.Body)[1]
	page := "/developers/app/" + id + "/subscriptions"
	b.get(page).want(200).Has("Nobody is told of anything here")

	channel := &wire{}
	w.Door.Subscribe(records.SubscriptionConfig{Channel: channel, Sessions: records.OpenSessions{}})
	working, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	worked := make(chan error, 1)
	go func() { worked <- w.Door.Work(working) }()
	t.Cleanup(func() {
		stop()
		if err := <-worked; err != nil {
			t.Error(err)
		}
	})
	b.get(page).want(200).Has("The app has no Subscription yet", "SubscriptionTopic/encounter-start").Lacks("may not ask for that")
	b.get(page + "?topic=" + url.QueryEscape("https://ingle.health/fhir/SubscriptionTopic/results")).want(200).Has(`"criteria": "https://ingle.health/fhir/SubscriptionTopic/results"`)

	const subscription = "finals"
	app := w.Door.Session(records.Principal{ID: id, Client: id, Standing: records.Standing{Client: id}}, nil)
	if _, err := app.Update(t.Context(), fhir.Key{Type: "Subscription", ID: subscription}, records.Content{JSON: []byte(`{"resourceType":"Subscription","id":"finals","status":"requested",
		"reason":"test <b>","criteria":"Observation?status=final","channel":{"type":"rest-hook","endpoint":"https://app.example/hook","payload":"application/fhir+json"}}`)}, records.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(b.get(page).Body, ">active<"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not become active")
		}
	}
	inbox := page + "?inbox=" + subscription
	b.get(inbox).want(200).Has("Observation?status=final", "What arrived for "+subscription, "Nothing yet")
	w.Put(`{"resourceType":"Observation","id":"told","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/ann"}}`)
	for end := time.Now().Add(time.Minute); !strings.Contains(b.get(inbox).Body, "Observation/told"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing arrives: %s", b.get(inbox).Body)
		}
	}
	b.get(inbox).want(200).Has("1. create", `"id": "told"`)

	b.post(page, "subscription", subscription).want(303)
	channel.cut.Store(true)
	b.post(page, "subscription", subscription).want(422).Has("The test was not taken: the endpoint failed with 500.")
	b.post(page, "subscription", "other").want(404)
	w.enter("eve").get(page).want(404)
}

func TestOutsideOfASandboxADeveloperSeesHowSubscriptionsGoAndNothingElse(t *testing.T) {
	w := newWorkshop(t, false)
	w.Door.Subscribe(records.SubscriptionConfig{Channel: &wire{}, Sessions: records.OpenSessions{}})
	b := w.enter("dev")
	id, _ := b.register()
	b.get("/developers/app/"+id+"/subscriptions?inbox=any").want(200).Has("The app has no Subscription yet", "may not ask for that").Lacks("What arrived")
}
