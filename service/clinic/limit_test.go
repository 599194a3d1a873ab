package clinic_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/limits"
)

// limit sets a limit, which holds at once.
func (w *ward) limit(rule string) {
	w.t.Helper()
	r, err := limits.ParseRule(rule)
	if err == nil {
		_, err = w.door.Limits().Put(context.Background(), r, "test")
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// crowded says that a page tells somebody to wait.
func (a answer) crowded() {
	a.b.t.Helper()
	a.want(429).has("<h1>Too many requests</h1>", "than there may be at once", "Wait ", "Try again")
	if a.header.Get("Retry-After") == "" {
		a.b.t.Error("the answer has no Retry-After")
	}
}

func TestABrowserThatAsksTooMuchIsToldToWait(t *testing.T)           { isToldToWait(t) }
func TestABrowserThatAsksTooMuchIsToldToWaitPostgreSQL(t *testing.T) { isToldToWait(t) }

func isToldToWait(t *testing.T) {
	w := newWard(t)
	noor, ines := w.as("noor"), w.as("ines")
	user, err := w.identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	hers := "user " + user.ID

	w.limit(hers + " in-flight 1")
	_, end := noor.listen("ann") // a page that is open
	noor.get("/clinic").crowded()
	if got := noor.do("GET", "/clinic/find?q=archer", nil, "Accept", "application/json").want(429); !strings.Contains(got.body, `"throttled"`) {
		t.Error(got.body)
	}
	ines.get("/clinic").want(200)
	end()
	for until := time.Now().Add(20 * time.Second); noor.get("/clinic").status != 200; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the page that was closed counts still")
		}
	}
	w.limit(hers + " in-flight none")

	w.limit(hers + " query-cost 1")
	noor.get("/clinic?q=archer").want(422).has("you may look at 1 at once")
	w.limit(hers + " query-cost none")
	w.limit(hers + " cost 1/day")
	noor.get("/clinic?q=archer") // takes what there is
	noor.get("/clinic?q=archer").crowded()
	ines.get("/clinic?q=archer").want(200)
	w.limit(hers + " cost none")

	w.limit(hers + " requests 1/day")
	noor.get("/clinic")
	noor.get("/clinic").crowded()
	ines.get("/clinic").want(200)
}

func TestABrowserThatAsksForManyPagesAtOnceKeepsNobodyWaiting(t *testing.T) {
	w := newWard(t)
	noor, ines := w.as("noor"), w.as("ines")
	user, err := w.identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	var leave []func()
	for range 3 { // pages that take long
		l, err := w.gate.Enter(t.Context(), " "+user.ID)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	var waiting sync.WaitGroup
	var late answer
	waiting.Go(func() { late = noor.get("/clinic") })
	for until := time.Now().Add(20 * time.Second); w.gate.State().Waiting == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the page waits for no turn")
		}
	}
	noor.get("/clinic").crowded()
	noor.do("GET", "/clinic", nil, "Accept", "text/event-stream").want(429) // which is no stream
	ines.get("/clinic").want(200)
	_, end := noor.listen("ann") // it holds no turn, and waits for none
	end()
	for _, l := range leave {
		l()
	}
	waiting.Wait()
	late.want(200)
	if s := w.gate.State(); s.In != 0 {
		t.Errorf("%+v", s)
	}
}
