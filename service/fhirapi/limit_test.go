package fhirapi_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// limitedServer takes "Bearer APP/USER" for a token of theirs. change sets what the
// test is about.
func limitedServer(t *testing.T, rules []string, change func(*fhirapi.Config)) (*server, *records.Door) {
	t.Helper()
	s := &server{t: t, base: "https://ehr.example/fhir"}
	door, err := records.Open(context.WithoutCancel(t.Context()), records.Config{
		Store: openStore(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: s.base, Policy: records.DefaultPolicy(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range rules {
		r, err := limits.ParseRule(text)
		if err == nil {
			_, err = door.Limits().Put(context.WithoutCancel(t.Context()), r, "test")
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	c := fhirapi.Config{
		Tenants: records.NewTenants(door), Version: "test", Log: log,
		Authenticate: func(r *http.Request, d *records.Door) (*records.Session, error) {
			app, user, ok := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "/")
			if !ok {
				return nil, fault.New(fault.Unauthenticated, fault.CodeLogin, "", "sign in")
			}
			return d.Session(records.Principal{ID: user, Client: app}, nil), nil
		},
		OAuth:   func(*records.Door) fhirapi.OAuth { return fhirapi.OAuth{} },
		Origins: func(context.Context, *records.Door, string) bool { return true },
	}
	if change != nil {
		change(&c)
	}
	s.start(web.Config{Log: log}, c)
	return s, door
}

func by(who string) []string { return []string{"Authorization", "Bearer " + who} }

func TestWhoAsksTooOftenIsToldHowLongToWait(t *testing.T) {
	s, door := limitedServer(t, []string{"user requests 2/min burst 3", "app requests 6/min"}, nil)
	for left := range 3 {
		a := s.get("/Patient?_count=1", by("growth/maria")...).want(200)
		a.header("RateLimit-Policy", `"user-requests";q=3;w=90`)
		if got := a.Header.Get("RateLimit"); !strings.HasPrefix(got, fmt.Sprintf(`"user-requests";r=%d;t=`, 2-left)) {
			t.Errorf("RateLimit is %s", got)
		}
	}
	a := s.get("/Patient?_count=1", append(by("growth/maria"), "Origin", "https://app.example")...).want(429).outcome("throttled").has("requests for this user, of 2/min burst 3")
	if wait := a.Header.Get("Retry-After"); wait != "30" && wait != "29" {
		t.Errorf("Retry-After is %s", wait)
	}
	for _, name := range []string{"RateLimit", "RateLimit-Policy", "Retry-After"} {
		if !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("a script cannot read %s", name)
		}
	}
	for range 3 {
		s.get("/Patient?_count=1", by("growth/walter")...).want(200)
	}
	s.get("/Patient?_count=1", by("growth/emma")...).want(429).has("requests for this app")
	s.get("/Patient?_count=1", by("risk/emma")...).want(200)
	s.get("/metadata").want(200)
	throttled := map[string]int64{}
	usage, err := door.Usage(t.Context(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range usage {
		throttled[u.Client+"/"+u.User] = u.Throttled
	}
	if throttled["growth/maria"] != 1 || throttled["growth/emma"] != 1 || throttled["risk/emma"] != 0 {
		t.Errorf("usage says that limits refused %v", throttled)
	}
	if n := door.Limits().Refusals(); n != 2 {
		t.Errorf("%d refusals are counted", n)
	}
}

func TestASearchThatCostsTooMuchIsRefusedWithWhatToNarrow(t *testing.T) {
	s, _ := limitedServer(t, []string{"user query-cost 300", "user cost 1/s burst 1000"}, nil)
	for i := range 20 {
		s.do("PUT", fmt.Sprintf("/Patient/p%d", i), patient(fmt.Sprintf("p%d", i), "Ng"), by("growth/maria")...)
	}
	s.get("/Patient?family=Ng", by("growth/maria")...).want(200)
	a := s.get("/Patient?family=Ng&_count=50&_revinclude=Observation:subject", by("growth/maria")...).want(422).outcome("too-costly")
	a.has("about 570 resources", "one may look at 300", "a page has 50", "_revinclude may add 500", "_count")
	s.get("/Patient?family=Ng&_count=10&_revinclude=Observation:subject", by("growth/maria")...).want(200)
	// The same through a batch.
	batch := `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient?family=Ng&_count=50&_revinclude=Observation:subject"}}]}`
	s.do("POST", "", batch, by("growth/maria")...).want(200).has("too-costly")
	for range 20 {
		if s.get("/Patient?family=Ng&_count=10&_revinclude=Observation:subject", by("growth/maria")...).StatusCode == 429 {
			s.get("/Patient?family=Ng&_count=100", by("growth/maria")...).want(429).outcome("throttled").has("resources that searches look at")
			s.get("/Patient/p1", by("growth/maria")...).want(200) // is no search
			return
		}
	}
	t.Error("what searches cost has no end")
}

func TestWhatASearchWouldCostTellsNothingOfWhatIsHidden(t *testing.T) {
	s, _ := limitedServer(t, []string{"user query-cost 60"}, func(c *fhirapi.Config) {
		all := c.Authenticate
		c.Authenticate = func(r *http.Request, d *records.Door) (*records.Session, error) {
			if r.Header.Get("Authorization") != "Bearer growth/bound" {
				return all(r, d)
			}
			rules, err := d.Rules(r.Context(), access.Grant{Scopes: smart.Scopes{"patient/*.rs"}, Patient: "p0", Asker: access.Asker{Exempt: true}})
			return d.Session(records.Principal{ID: "bound", Client: "growth"}, rules), err
		}
	})
	for i := range 20 {
		s.do("PUT", fmt.Sprintf("/Patient/p%d", i), patient(fmt.Sprintf("p%d", i), "Ng"), by("growth/maria")...)
	}
	const query = "/Patient?family=Ng&_sort=birthdate&_count=50&_revinclude=Observation:subject"
	s.get(query, by("growth/maria")...).want(422).outcome("too-costly").has("about 570 resources")
	a := s.get(query, by("growth/bound")...).want(422).outcome("too-costly")
	a.has("more resources than the 60 that")
	if strings.Contains(a.body, "finds") || strings.Contains(a.body, "about") {
		t.Errorf("it tells what was counted: %s", a.body)
	}
}

// Of many who send as much as they can each is served: the greedy client has all the
// slots that it may have, as many requests as may wait, and the rest of them refused.
func TestAClientOfHundredsOfConnectionsDoesNotStarveAnother(t *testing.T) {
	const slots, its, waits, sent = 4, 3, 64, 200
	gate := limits.NewGate(limits.GateConfig{Slots: slots, Each: its, Waiting: 2 * waits, Patience: time.Hour})
	s, _ := limitedServer(t, nil, func(c *fhirapi.Config) { c.Gate = gate })
	s.do("PUT", "/Patient/one", patient("one", "Delgado"), by("growth/maria")...).want(201)
	leave := make([]func(), its)
	for i := range leave {
		var err error
		if leave[i], err = gate.Enter(t.Context(), "greedy mallory"); err != nil {
			t.Fatal(err)
		}
	}
	connections := &http.Transport{MaxIdleConnsPerHost: sent}
	defer connections.CloseIdleConnections()
	statuses := make(chan int, sent)
	for range sent {
		go func() {
			status := 0
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/fhir/Patient?name:contains=n&_sort=-family", nil)
			if err == nil {
				r.Header.Set("Authorization", "Bearer greedy/mallory")
				if resp, err := connections.RoundTrip(r); err == nil {
					resp.Body.Close()
					status = resp.StatusCode
				}
			}
			statuses <- status
		}()
	}
	for range sent - waits {
		if status := <-statuses; status != 429 {
			t.Errorf("status %d", status)
		}
	}
	for range 20 {
		s.get("/Patient/one", by("growth/maria")...).want(200)
		s.get("/Patient?family=Delgado", by("growth/maria")...).want(200)
	}
	if state := gate.State(); state.In != its || state.Waiting != waits {
		t.Errorf("%+v", state)
	}
	for _, l := range leave {
		l()
	}
	for range waits {
		if status := <-statuses; status != 200 {
			t.Errorf("status %d", status)
		}
	}
}

func TestEachKindOfReadHasATimeOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fhirapi.Config)
		path   string
	}{
		"search":    {func(c *fhirapi.Config) { c.Patience = 1 }, "/Patient?family=Ng"},
		"history":   {func(c *fhirapi.Config) { c.History = 1 }, "/Patient/_history"},
		"operation": {func(c *fhirapi.Config) { c.Evaluation = 1 }, "/Patient/a/$everything"},
	} {
		s, _ := limitedServer(t, nil, func(config *fhirapi.Config) {
			config.Patience, config.History, config.Evaluation = time.Minute, time.Minute, time.Minute
			c.change(config)
		})
		s.do("PUT", "/Patient/a", patient("a", "Ng"), by("growth/maria")...).want(201)
		for other, path := range map[string]string{"search": "/Patient?family=Ng", "history": "/Patient/_history", "operation": "/Patient/a/$everything"} {
			a := s.get(path, by("growth/maria")...)
			if other != name {
				a.want(200)
				continue
			}
			// What is quick enough may be answered although its time is over.
			for tries := 0; a.StatusCode == 200 && tries < 100; tries++ {
				a = s.get(path, by("growth/maria")...)
			}
			a.want(503).outcome("timeout")
		}
	}
}

// A search whose client has gone away ends in the database.
func TestASearchEndsWhenItsClientGoesAway(t *testing.T) {
	begun, failed := make(chan struct{}, 1), make(chan error, 10)
	gate := limits.NewGate(limits.GateConfig{Slots: 1, Patience: time.Minute})
	s, _ := limitedServer(t, nil, func(c *fhirapi.Config) {
		c.Gate = gate
		c.Traced = func(_ *http.Request, _ *records.Door, path string, _ int, failure error) {
			if path == "/Patient/_search" {
				failed <- failure
			}
		}
	})
	entries := make([]string, 1000)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"resource":{"resourceType":"Patient","name":[{"family":"%s%d"}]},"request":{"method":"POST","url":"Patient"}}`, strings.Repeat("ab", 50), i)
	}
	s.do("POST", "", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`, by("growth/maria")...).want(200)
	// None is found, and each name is compared with each of these.
	names := make([]string, 400)
	for i := range names {
		names[i] = fmt.Sprintf("abc%d", i)
	}
	form := strings.Repeat("family:contains="+strings.Join(names, ",")+"&", 4) + "_total=accurate"
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		for gate.State().In == 0 {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
		leave()
		close(begun)
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/fhir/Patient/_search", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer growth/maria")
	if resp, err := transport.RoundTrip(r); err == nil {
		resp.Body.Close()
		t.Errorf("the search was answered with %d before its client went away", resp.StatusCode)
	}
	<-begun
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the search ended with %v", err)
	}
	s.get("/Patient?_count=1", by("growth/maria")...).want(200) // the only slot is free
}
