package clinic_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// listen opens the stream of a chart; what it yields are the lines of events.
func (b browser) listen(patient string) (lines <-chan string, end func()) {
	b.T.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", b.URL+"/clinic/patient/"+patient+"/live", nil)
	if err != nil {
		b.T.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := b.HTTP.Do(r)
	if err != nil {
		b.T.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.T.Fatal(resp.StatusCode, resp.Header)
	}
	out := make(chan string, 100)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			if strings.HasPrefix(s.Text(), "data:") || strings.HasPrefix(s.Text(), "retry:") {
				out <- s.Text()
			}
		}
	}()
	b.next(out, "retry: 3000")
	return out, stop
}

// next is what comes next; "" that the stream ends.
func (w *ward) next(lines <-chan string, want string) {
	w.T.Helper()
	select {
	case got := <-lines:
		if got != want {
			w.T.Errorf("%q came, want %q", got, want)
		}
	case <-time.After(time.Minute):
		w.T.Errorf("nothing came, want %q", want)
	}
}

func TestWhatIsNewOfAPatientIsToldAtOnce(t *testing.T)           { isToldAtOnce(t) }
func TestWhatIsNewOfAPatientIsToldAtOncePostgreSQL(t *testing.T) { isToldAtOnce(t) }

func isToldAtOnce(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	lines, end := b.listen("ann")
	defer end()
	w.Put(`{"resourceType":"Observation","id":"bobs","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/bob"}}`)
	w.Put(`{"resourceType":"Observation","id":"anns","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/ann"}}`)
	w.next(lines, "data: Observation")
	if _, err := w.Door.Session(records.Principal{ID: "test"}, nil).Delete(t.Context(), fhir.Key{Type: "Observation", ID: "anns"}, records.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.next(lines, "data: Observation")
	w.Put(`{"resourceType":"Patient","id":"ann","active":true}`)
	w.next(lines, "data: Patient")
	end()
	w.next(lines, "")
	// The log says what the reader was told of, and nothing of others.
	seen := false
	if err := w.Door.Audit().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := w.Door.Audit().Find(t.Context(), audit.Query{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range found.Events {
		for _, p := range e.Patients {
			seen = seen || strings.HasSuffix(e.Target, "/live") && p.Key == "Patient/ann"
			if p.Key == "Patient/bob" && strings.HasSuffix(e.Target, "/live") {
				t.Errorf("%+v", e)
			}
		}
	}
	if !seen {
		t.Error("nothing is recorded of what was told")
	}
}

func TestAStreamTellsNothingThatItsReaderMayNotSee(t *testing.T) {
	w := newWard(t)
	w.Put(`{"resourceType":"Encounter","id":"e","status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/ann"}}`)
	desk, noor := w.as("desk"), w.as("noor")
	lines, end := desk.listen("ann")
	defer end()
	w.Put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/ann"}}`)
	w.Put(`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ann"}}`)
	w.next(lines, "data: Encounter")
	// A consent that comes while the stream is open holds in it.
	seeing, stop := noor.listen("ann")
	defer stop()
	w.consent("ann", deniesTreatment)
	w.Put(`{"resourceType":"Observation","id":"p","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/ann"}}`)
	select {
	case got := <-seeing:
		t.Errorf("%q is told", got)
	case <-time.After(time.Second):
	}
}

func TestAStreamEndsWhenItsReaderSignsOutAndWithTheServer(t *testing.T) {
	w := newWard(t)
	b := w.as("noor")
	lines, end := b.listen("ann")
	defer end()
	b.send("/clinic", "/account/sign-out").Want(303)
	w.Put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/ann"}}`)
	w.next(lines, "")
	lines, end = w.as("ines").listen("ann")
	defer end()
	w.stop()
	w.next(lines, "")
}
