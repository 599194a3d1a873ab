package bulk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/store"
)

// told is a line of a report.
type told struct {
	Line     int64
	Count    int64
	Entry    *int
	Status   string
	Resource string
	Outcome  struct {
		ResourceType string
		Issue        []struct {
			Code    string
			Details struct{ Text string }
		}
	}
	counts
	Error string
}

func parse(t *testing.T, report string) (list []told) {
	t.Helper()
	for text := range strings.Lines(report) {
		var one told
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		list = append(list, one)
	}
	return list
}

func TestAnUploadIsAnsweredByWhatBecameOfEachLine(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p := newImporter(t, open())
		text := lines(patient("a"), observation("o", "Patient/late"), `{"resourceType":"Patient","id":"bad","shoe":1}`, patient("late"), `{"resourceType":"Patient","gender":"male"}`, observation("never", "Patient/nobody"))
		for round, body := range []string{text, gzipped(t, text)} {
			header := []string{"Content-Type", "application/fhir+ndjson"}
			if round == 1 {
				header = append(header, "Content-Encoding", "gzip")
			}
			a := p.do("POST", "/$import", body, header...).want(200)
			if a.Header.Get("Content-Type") != "application/fhir+ndjson" || !strings.HasPrefix(a.Header.Get("Content-Location"), "https://ehr.example/fhir/$import/") {
				t.Errorf("%v", a.Header)
			}
			list := parse(t, a.body)
			by := map[int64]told{}
			for _, one := range list[:len(list)-1] {
				by[one.Line] = one
			}
			stored := "accepted"
			if round == 1 { // the same again
				stored = "matched"
			}
			for line, want := range map[int64]string{1: stored + " Patient/a", 2: stored + " Observation/o", 3: "refused ", 4: stored + " Patient/late", 6: "refused Observation/never"} {
				if got := by[line].Status + " " + by[line].Resource; got != want {
					t.Errorf("round %d, line %d: %q, want %q", round, line, got, want)
				}
			}
			if o := by[3].Outcome; o.ResourceType != "OperationOutcome" || !strings.Contains(o.Issue[0].Details.Text, "shoe") {
				t.Errorf("line 3 is refused by %+v", o)
			}
			if o := by[6].Outcome; !strings.Contains(o.Issue[0].Details.Text, "Patient/nobody") {
				t.Errorf("line 6 is refused by %+v", o)
			}
			if end := list[len(list)-1]; end.Status != "completed" || end.Lines != 6 || end.Accepted+end.Matched != 4 || end.Refused != 2 {
				t.Errorf("it ends with %+v", end)
			}
			if !strings.HasPrefix(by[5].Resource, "Patient/") || by[5].Status == "refused" {
				t.Errorf("%+v", by[5])
			}
			p.stored(by[5].Resource)
			if round == 0 {
				p.stored("Observation/o")
			}
		}
	})
}

func TestAnUploadCanBeLeftToItself(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p := newImporter(t, open())
		var text strings.Builder
		for i := range 3000 { // more than a body elsewhere may be
			fmt.Fprintf(&text, `{"resourceType":"Patient","id":"p%d","name":[{"family":%q}]}`+"\n", i, strings.Repeat("long ", 100))
		}
		at := p.order(text.String(), "Content-Type", "application/fhir+ndjson")
		r := p.done(at)
		if c := r.counts(); c != (counts{3000, 3000, 3000, 0, 0}) || r.Request != "https://ehr.example/fhir/$import" || !r.Token || r.TransactionTime.IsZero() {
			t.Errorf("%+v", r)
		}
		report := parse(t, strings.Join(p.report(r), "\n"))
		for i, one := range report {
			if one.Status != "accepted" || one.Line != int64(i+1) || one.Resource != fmt.Sprintf("Patient/p%d", i) {
				t.Fatalf("line %d: %+v", i, one)
			}
		}
	})
}

func TestAReportTellsTheFirstRefusalsAndCountsTheRest(t *testing.T) {
	const broken = 30_000
	onEach(t, func(t *testing.T, open func() store.Store) {
		p := newImporter(t, open())
		bomb := gzipped(t, strings.Repeat("x\n", broken)+patient("a")+"\n")
		if len(bomb) > 1000 {
			t.Fatalf("%d bytes", len(bomb))
		}
		a := p.do("POST", "/$import", bomb, "Content-Type", "application/fhir+ndjson", "Content-Encoding", "gzip").want(200)
		list := parse(t, a.body)
		end := list[len(list)-1]
		var refused, further int64
		accepted := 0
		for _, one := range list[:len(list)-1] {
			switch {
			case one.Status == "accepted":
				accepted++
			case one.Line == 0:
				further += one.Count
				if text := one.Outcome.Issue[0].Details.Text; !strings.Contains(text, "20,000 further resources") {
					t.Error(text)
				}
			default:
				refused++
			}
		}
		if refused != 10_000 || further != broken-refused || accepted != 1 || end.Refused != broken || end.Accepted != 1 || len(a.body) > 4<<20 {
			t.Errorf("%d told, %d not, %d accepted, %d bytes: %+v", refused, further, accepted, len(a.body), end)
		}
		s := newSource(t)
		s.file("Patient.ndjson", strings.Repeat("x\n", broken)+patient("b")+"\n")
		r := p.done(p.order(s.files("Patient.ndjson")))
		report := p.report(r)
		if c := r.counts(); c.Refused != broken || c.Accepted != 1 || len(report) != 10_001 || !strings.Contains(report[10_000], "20,000 further resources") {
			t.Errorf("%+v, %d lines", r, len(report))
		}
	})
}
