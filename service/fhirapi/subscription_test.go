package fhirapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// taker is a channel that takes everything.
type taker struct{}

func (taker) Check(context.Context, notify.Target) error                { return nil }
func (taker) Send(context.Context, notify.Target, notify.Message) error { return nil }

// appSessions are the sessions of apps, which may do what their scopes say.
type appSessions struct{}

func (appSessions) Stand(_ context.Context, door *records.Door, n records.Standing) (*records.Session, error) {
	if n.Client == "" {
		return door.Session(records.Principal{}, nil), nil
	}
	return door.Session(records.Principal{ID: n.Client, Client: n.Client, Standing: n}, door.Ownership().Rules(access.Grant{Scopes: n.Scopes})), nil
}

// newSubscribed is a server that tells subscribers. Requests with "Bearer APP SCOPE"
// are an app's, and those without a token of whom may do all.
func newSubscribed(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, base: "https://ehr.example/fhir"}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	door, err := records.Open(ctx, records.Config{Store: openStore(t), Definitions: definitions.MustBuiltIn(definitions.R4), Others: []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)}, Base: s.base, Policy: records.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	door.Subscribe(records.SubscriptionConfig{Channel: taker{}, Sessions: appSessions{}})
	log := slog.New(slog.DiscardHandler)
	s.start(web.Config{Log: log}, fhirapi.Config{
		Tenants: records.NewTenants(door), Version: "test", Log: log,
		Authenticate: func(r *http.Request, d *records.Door) (*records.Session, error) {
			token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			if !ok {
				return d.Session(records.Principal{}, nil), nil
			}
			app, text, _ := strings.Cut(token, " ")
			scopes, err := smart.ParseScopes(text)
			if err != nil {
				return nil, fault.New(fault.Unauthenticated, fault.CodeLogin, "", "%v", err)
			}
			return appSessions{}.Stand(r.Context(), d, records.Standing{Client: app, Scopes: scopes})
		},
		OAuth: func(*records.Door) fhirapi.OAuth { return fhirapi.OAuth{} },
		Bind: func(_ context.Context, session *records.Session, ids []fhir.ID) (fhirapi.Binding, error) {
			return fhirapi.Binding{Token: "T-" + session.Principal().Client, Until: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC), Subscriptions: ids, Address: "wss://ehr.example/ws"}, nil
		},
		WebSocket: func(*records.Door) string { return "wss://ehr.example/ws" },
		Channels:  []string{"rest-hook", "websocket"},
	})
	var working sync.WaitGroup
	working.Go(func() { _ = door.Work(ctx) })
	t.Cleanup(func() { // before the server is closed
		stop()
		working.Wait()
	})
	return s
}

const (
	asApp   = "Bearer app system/*.cruds"
	asOther = "Bearer other system/*.cruds"
)

// subscribe makes a Subscription of an app to Patients, and waits until it is active.
func (s *server) subscribe(id, channel, content, token string) {
	s.t.Helper()
	const x = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
	body := fmt.Sprintf(`{"resourceType":"Subscription","id":%q,"status":"requested","reason":"test","criteria":"Patient?active=true","channel":{"type":%q,"payload":"application/fhir+json","_payload":{"extension":[{"url":"%spayload-content","valueCode":%q}]}}}`, id, channel, x, content)
	s.do("PUT", "/Subscription/"+id, body, "Authorization", token).want(201).has(`"status":"requested"`)
	s.eventually("/Subscription/"+id, `"status":"active"`)
}

// eventually reads an address until the answer holds a text.
func (s *server) eventually(path, text string) {
	s.t.Helper()
	for range 6000 {
		if strings.Contains(s.get(path).body, text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.get(path).has(text)
}

// happen makes n Patients, and waits until a Subscription counts total events.
func (s *server) happen(subscription string, n, total int) {
	s.t.Helper()
	for i := range n {
		s.do("PUT", fmt.Sprintf("/Patient/p%d", total-n+i+1), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","active":true}`, total-n+i+1)).want(201)
	}
	s.eventually("/Subscription/"+subscription+"/$status", fmt.Sprintf(`"events-since-subscription-start","valueString":"%d"`, total))
}

func TestStatusSaysHowSubscriptionsAre(t *testing.T) {
	s := newSubscribed(t)
	s.subscribe("a", "rest-hook", "id-only", asApp)
	s.subscribe("b", "websocket", "empty", asApp)
	s.happen("a", 2, 2)
	b := s.get("/Subscription/a/$status", "Authorization", asOther).want(200).has(`"query-status"`, `"status","valueCode":"active"`, `https://ehr.example/fhir/Subscription/a`,
		`StructureDefinition/backport-subscription-status-r4`, `"mode":"match"`).bundle()
	if b.Type != "searchset" || len(b.Entry) != 1 {
		t.Errorf("%+v", b)
	}
	for query, want := range map[string]int{
		"": 2, "?id=a": 1, "?id=a&id=b": 2, "?id=none": 0, "?status=active": 2, "?status=error&status=active&id=b": 1, "?status=error": 0,
	} {
		if b := s.get("/Subscription/$status" + query).want(200).bundle(); len(b.Entry) != want || *b.Total != want {
			t.Errorf("%s: %d", query, len(b.Entry))
		}
	}
	s.do("POST", "/Subscription/$status", `{"resourceType":"Parameters","parameter":[{"name":"id","valueId":"a"},{"name":"status","valueCode":"active"}]}`).want(200).has("Subscription/a")
	s.get("/Subscription/$status", "Accept", "application/fhir+xml").want(200).has(`<valueCode value="active"/>`)
	s.get("/Subscription/$status?state=active").want(400).has("id, status")
	s.get("/Subscription/none/$status").want(404)
	s.get("/Subscription/a/$status", "Authorization", "Bearer app system/Patient.rs").want(403)
}

func TestEventsAreAskedForAgain(t *testing.T) {
	s := newSubscribed(t)
	s.subscribe("a", "rest-hook", "id-only", asApp)
	s.happen("a", 3, 3)
	all := s.get("/Subscription/a/$events", "Authorization", asApp).want(200).has(`"query-event"`, "Patient/p1", "Patient/p3", `"event-number","valueString":"3"`).hasNot(`"active":true`).bundle()
	if all.Type != "history" || len(all.Entry) != 4 {
		t.Errorf("%s with %d entries", all.Type, len(all.Entry))
	}
	s.get("/Subscription/a/$events?eventsSinceNumber=2&eventsUntilNumber=2", "Authorization", asApp).want(200).has("Patient/p2").hasNot("Patient/p1", "Patient/p3")
	s.get("/Subscription/a/$events?eventsSinceNumber=3&content=full-resource", "Authorization", asApp).want(200).has(`"active":true`)
	s.get("/Subscription/a/$events?content=empty", "Authorization", asApp).want(200).has(`"event-number"`).hasNot("Patient/p1")
	s.get("/Subscription/a/$events?eventsSinceNumber=3", "Authorization", asApp, "Accept", "application/fhir+xml").want(200).has(`value="query-event"`)
	for _, bad := range []string{"eventsSinceNumber=x", "eventsUntilNumber=-1", "content=all", "since=1", "content=empty&content=empty"} {
		s.get("/Subscription/a/$events?"+bad, "Authorization", asApp).want(400)
	}
}

// What a subscription tells is told as its subscriber may see it, and to nobody else.
func TestEventsAreForTheirSubscriberAlone(t *testing.T) {
	s := newSubscribed(t)
	s.subscribe("a", "websocket", "full-resource", asApp)
	s.happen("a", 1, 1)
	for _, operation := range []string{"$events", "$get-ws-binding-token"} {
		s.get("/Subscription/a/"+operation, "Authorization", asOther).want(403).has("another app").hasNot("Patient/p1", "T-other")
		s.get("/Subscription/a/"+operation, "Authorization", "Bearer app system/Patient.rs").want(403)
		s.get("/Subscription/a/"+operation, "Authorization", asApp).want(200)
		s.get("/Subscription/none/"+operation, "Authorization", asApp).want(404)
	}
	s.get("/Subscription/$get-ws-binding-token?id=a", "Authorization", asOther).want(403)
	s.get("/Subscription/$get-ws-binding-token", "Authorization", asOther).want(404)
}

func TestABindingTokenIsForSubscriptionsByWebSocket(t *testing.T) {
	s := newSubscribed(t)
	s.subscribe("a", "websocket", "id-only", asApp)
	s.subscribe("b", "websocket", "id-only", asApp)
	s.subscribe("c", "rest-hook", "id-only", asApp)
	s.subscribe("d", "websocket", "id-only", asOther)
	for _, c := range []struct {
		path string
		want string
	}{{"/Subscription/a/$get-ws-binding-token", "a"}, {"/Subscription/$get-ws-binding-token", "a,b"}, {"/Subscription/$get-ws-binding-token?id=b", "b"}} {
		answer := s.get(c.path, "Authorization", asApp).want(200).header("Cache-Control", "no-store")
		var p struct {
			Parameter []struct{ Name, ValueString, ValueDateTime, ValueURL string }
		}
		if err := json.Unmarshal([]byte(answer.body), &p); err != nil {
			t.Fatal(err)
		}
		var ids []string
		given := map[string]string{}
		for _, one := range p.Parameter {
			given[one.Name] = one.ValueString + one.ValueDateTime + one.ValueURL
			if one.Name == "subscription" {
				ids = append(ids, one.ValueString)
			}
		}
		if strings.Join(ids, ",") != c.want || given["token"] != "T-app" || given["expiration"] != "2026-11-26T09:00:00Z" || given["websocket-url"] != "wss://ehr.example/ws" {
			t.Errorf("%s: %v %v", c.path, ids, given)
		}
	}
	s.get("/Subscription/c/$get-ws-binding-token", "Authorization", asApp).want(422).has("not websocket")
	s.get("/Subscription/$get-ws-binding-token?id=a%20b", "Authorization", asApp).want(400)
}

func TestTheCapabilityStatementSaysHowSubscribersAreTold(t *testing.T) {
	s := newSubscribed(t)
	const guide = "http://hl7.org/fhir/uv/subscriptions-backport/"
	s.get("/metadata").want(200).has(guide+"CapabilityStatement/backport-subscription-server-r4", guide+"StructureDefinition/backport-subscription\"",
		guide+"OperationDefinition/backport-subscription-status", guide+"OperationDefinition/backport-subscription-events", guide+"OperationDefinition/backport-subscription-get-ws-binding-token",
		guide+"StructureDefinition/capabilitystatement-subscriptiontopic-canonical", `"valueUri":"wss://ehr.example/ws"`, "Channels: rest-hook, websocket.")
	// A topic that is stored is listed from then on.
	const x = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
	s.do("PUT", "/Basic/t", `{"resourceType":"Basic","id":"t","code":{"coding":[{"system":"http://hl7.org/fhir/fhir-types","code":"SubscriptionTopic"}]},"extension":[
		{"url":"`+x+`url","valueUri":"https://ehr.example/topic/new"},{"url":"`+x+`status","valueCode":"active"},
		{"url":"`+x+`resourceTrigger","extension":[{"url":"resource","valueUri":"Patient"}]}]}`).want(201)
	s.get("/metadata").want(200).has(`"valueCanonical":"https://ehr.example/topic/new"`)
	// A server that tells nobody says nothing of it.
	newServer(t).get("/metadata").want(200).hasNot("backport-subscription-server-r4", "capabilitystatement-websocket")
}

func TestAskingIsAnsweredInTheReleaseOfTheSubscription(t *testing.T) {
	s := newSubscribed(t)
	const r4b = "application/fhir+json; fhirVersion=4.3"
	s.subscribe("a", "rest-hook", "id-only", asApp)
	body := strings.ReplaceAll(s.get("/Subscription/a").body, `"id":"a"`, `"id":"b"`)
	s.do("PUT", "/Subscription/b", body, "Content-Type", r4b, "Authorization", asApp).want(201)
	s.eventually("/Subscription/b", `"status":"active"`)
	s.happen("a", 1, 1)
	s.eventually("/Subscription/b/$status", `"eventsSinceSubscriptionStart":"1"`)
	for _, operation := range []string{"$status", "$events"} {
		s.get("/Subscription/a/"+operation, "Authorization", asApp).want(200).has(`"resource":{"resourceType":"Parameters"`).header("Content-Type", "application/fhir+json; charset=utf-8")
		s.get("/Subscription/b/"+operation, "Authorization", asApp).want(200).has(`"resource":{"resourceType":"SubscriptionStatus"`).header("Content-Type", r4b+"; charset=utf-8")
	}
	s.get("/Subscription/b/$events?_format=xml", "Authorization", asApp).want(200).has("<SubscriptionStatus>")
	// Those of both releases are told in the one that is asked for.
	if n := strings.Count(s.get("/Subscription/$status", "Authorization", asApp).want(200).body, `{"resourceType":"Parameters"`); n != 2 {
		t.Errorf("%d are Parameters", n)
	}
	a := s.get("/Subscription/$status", "Authorization", asApp, "Accept", r4b).want(200).header("Content-Type", r4b+"; charset=utf-8")
	if n := strings.Count(a.body, `{"resourceType":"SubscriptionStatus"`); n != 2 {
		t.Errorf("%d are SubscriptionStatus: %s", n, a.body)
	}
	s.get("/metadata", "Accept", r4b).want(200).has("CapabilityStatement/backport-subscription-server\"")
}
