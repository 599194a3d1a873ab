package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
)

// importJobs are the jobs of imports and uploads.
func (p *importer) importJobs() (list []store.Job) {
	p.t.Helper()
	all, err := p.door.Jobs().ListJobs(p.t.Context(), "", 1000)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, j := range all {
		if strings.HasPrefix(j.Kind, "import") {
			list = append(list, j)
		}
	}
	return list
}

// until waits until something holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 6000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it never came to be that %s", what)
}

func TestOfAnUploadThatBreaksOffNothingIsImportedNorKept(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p := newImporter(t, open())
		ctx, leave := context.WithCancel(t.Context())
		body, write := io.Pipe()
		q, err := http.NewRequestWithContext(ctx, "POST", p.url+"/$import", body)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/fhir+ndjson")
		done := make(chan error, 1)
		go func() {
			resp, err := new(http.Transport).RoundTrip(q)
			if err == nil {
				_ = resp.Body.Close()
			}
			done <- err
		}()
		// More than a piece, so that some of it is kept by then.
		line := lines(fmt.Sprintf(`{"resourceType":"Patient","id":"half","name":[{"family":%q}]}`, strings.Repeat("x", 1<<20)))
		for range 9 {
			if _, err := io.WriteString(write, line); err != nil {
				t.Fatal(err)
			}
		}
		until(t, "pieces are kept", func() bool { j := p.importJobs(); return len(j) == 1 && len(j[0].Progress) > 200 })
		leave()
		_ = write.CloseWithError(io.ErrUnexpectedEOF)
		if err := <-done; err == nil {
			t.Error("it was answered")
		}
		until(t, "the job is gone", func() bool { return len(p.importJobs()) == 0 })
		p.do("GET", "/Patient/half", "").want(404)
	})
}

func TestAnImportGoesOnWhenWhoSentItDoesNotWaitForTheReport(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p := newImporter(t, open())
		ctx, leave := context.WithCancel(t.Context())
		var text strings.Builder
		for i := range 3000 {
			text.WriteString(patient(fmt.Sprint("p", i)) + "\n")
		}
		q, err := http.NewRequestWithContext(ctx, "POST", p.url+"/$import", strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/fhir+ndjson")
		resp, err := new(http.Transport).RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		at := resp.Header.Get("Content-Location")
		leave()
		_ = resp.Body.Close()
		r := p.done(at)
		if c := r.counts(); c.Accepted != 3000 || len(p.report(r)) != 3000 {
			t.Errorf("%+v", c)
		}
	})
}

func TestWhatFormerImportsLeftGoes(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		now := time.Now()
		p := newImporter(t, open(), func(c *intake.Config, _ *records.Config) { c.Keep = time.Hour })
		later := intake.New(intake.Config{Door: p.door, Sessions: p.sessions, Keep: time.Hour, Clock: func() time.Time { return now }})
		r := p.done(p.order("{\n"+lines(patient("a")), "Content-Type", "application/fhir+ndjson"))
		p.report(r)
		j := p.importJobs()[0]
		if err := later.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.report(r)
		pieces := piecesOf(j)
		if len(pieces) < 2 {
			t.Fatalf("%s", j.Progress)
		}
		now = now.Add(2 * time.Hour)
		if err := later.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := p.importJobs(); len(left) != 0 {
			t.Errorf("%+v", left)
		}
		for _, name := range pieces {
			if _, err := p.door.ReadPiece(t.Context(), name); !errors.Is(err, records.ErrNoPiece) {
				t.Errorf("%s is still there: %v", name, err)
			}
		}
		p.do("GET", r.Outcome[0].URL, "").want(404)
	})
}

// piecesOf are the names of pieces in a job, which are hashes.
func piecesOf(j store.Job) (names []string) {
	for _, text := range strings.FieldsFunc(string(j.Args)+string(j.Progress), func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) }) {
		if len(text) == 64 {
			names = append(names, text)
		}
	}
	return names
}

func TestTwoProcessesNeverTakeOneImport(t *testing.T) {
	url, schema := pgtest.URL(t), pgtest.Schema()
	open := func() store.Store { return opened(t)(postgres.Open(context.Background(), url, schema)) }
	one, two := newImporter(t, open()), newImporter(t, open())
	const n, each = 12, 200
	var ats []string
	for i := range n {
		var text strings.Builder
		for k := range each {
			// The same in all of them, and one of its own.
			fmt.Fprintf(&text, `{"resourceType":"Patient","id":"p%d-%d"}`+"\n", i, k)
		}
		p := []*importer{one, two}[i%2]
		ats = append(ats, p.order(text.String(), "Content-Type", "application/fhir+ndjson", "Who", fmt.Sprint("c", i)))
	}
	for i, at := range ats {
		p := []*importer{two, one}[i%2] // the other one tells of it as well
		r := p.done(at, "Who", fmt.Sprint("c", i))
		if c := r.counts(); c != (counts{each, each, each, 0, 0}) || len(p.report(r, "Who", fmt.Sprint("c", i))) != each {
			t.Errorf("%d: %+v", i, c)
		}
	}
	if body := one.do("GET", "/Patient/_history?_summary=count", "").want(200).body; !strings.Contains(body, fmt.Sprintf(`"total":%d`, n*each)) {
		t.Errorf("%s", body)
	}
	for _, j := range one.importJobs() {
		if j.Kind == "import" && j.Attempt != 1 {
			t.Errorf("%s was taken %d times", j.ID, j.Attempt)
		}
	}
}
