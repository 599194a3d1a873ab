package clinic_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/limits"
)

// limit sets a limit, which holds at once.
func (w *ward) limit(rule string) {
	w.T.Helper()
	r, err := limits.ParseRule(rule)
	if err == nil {
		_, err = w.Door.Limits().Put(context.Background(), r, "test")
	}
	if err != nil {
		w.T.Fatal(err)
	}
}

// crowded says that a page tells somebody to wait.
func crowded(a placetest.Answer) {
	a.T.Helper()
	a.Want(429).Has("<h1>Too many requests</h1>", "than there may be at once", "Wait ", "Try again")
	if a.Header.Get("Retry-After") == "" {
		a.T.Error("the answer has no Retry-After")
	}
}

func TestABrowserThatAsksTooMuchIsToldToWait(t *testing.T)           { isToldToWait(t) }
func TestABrowserThatAsksTooMuchIsToldToWaitPostgreSQL(t *testing.T) { isToldToWait(t) }

func isToldToWait(t *testing.T) {
	w := newWard(t)
	noor, ines := w.as("noor"), w.as("ines")
	user, err := w.Identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	hers := "user " + user.ID

	w.limit(hers + " in-flight 1")
	_, end := noor.listen("ann") // a page that is open
	crowded(noor.Get("/clinic"))
	if got := noor.Do("GET", "/clinic/find?q=archer", nil, "Accept", "application/json").Want(429); !strings.Contains(got.Body, `"throttled"`) {
		t.Error(got.Body)
	}
	ines.Get("/clinic").Want(200)
	end()
	for until := time.Now().Add(time.Minute); noor.Get("/clinic").Status != 200; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the page that was closed counts still")
		}
	}
	w.limit(hers + " in-flight none")

	w.limit(hers + " query-cost 1")
	noor.Get("/clinic?q=archer").Want(422).Has("more records than the 1 that you may look at at once").Lacks("would look at about")
	w.limit(hers + " query-cost none")
	w.limit(hers + " cost 1/day")
	noor.Get("/clinic?q=archer") // takes what there is
	crowded(noor.Get("/clinic?q=archer"))
	ines.Get("/clinic?q=archer").Want(200)
	w.limit(hers + " cost none")

	w.limit(hers + " requests 1/day")
	noor.Get("/clinic")
	crowded(noor.Get("/clinic"))
	ines.Get("/clinic").Want(200)
}

func TestABrowserThatAsksForManyPagesAtOnceKeepsNobodyWaiting(t *testing.T) {
	w := newWard(t)
	noor, ines := w.as("noor"), w.as("ines")
	user, err := w.Identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	var leave []func()
	for range 3 { // pages that take long
		l, err := w.House.Gate.Enter(t.Context(), " "+user.ID)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, l)
	}
	var waiting sync.WaitGroup
	var late placetest.Answer
	waiting.Go(func() { late = noor.Get("/clinic") })
	for until := time.Now().Add(time.Minute); w.House.Gate.State().Waiting == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the page waits for no turn")
		}
	}
	crowded(noor.Get("/clinic"))
	noor.Do("GET", "/clinic", nil, "Accept", "text/event-stream").Want(429) // which is no stream
	ines.Get("/clinic").Want(200)
	_, end := noor.listen("ann") // it holds no turn, and waits for none
	end()
	for _, l := range leave {
		l()
	}
	waiting.Wait()
	late.Want(200)
	if s := w.House.Gate.State(); s.In != 0 {
		t.Errorf("%+v", s)
	}
}
