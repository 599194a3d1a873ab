package bulk_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// types is access to some types, whole.
type types []fhir.Type

func (a types) May(t fhir.Type, i smart.Interactions) bool {
	for _, one := range a {
		if one == t {
			return true
		}
	}
	return i&^(smart.Read|smart.Search) == 0
}
func (types) Filter([]string, smart.Interactions) search.Expr { return nil }
func (types) Knows(fhir.Key) bool                             { return false }
func (types) Narrows(fhir.Type, smart.Interactions) bool      { return false }

// few is access to resources of some ids.
type few search.IDs

func (few) May(fhir.Type, smart.Interactions) bool            { return true }
func (f few) Filter([]string, smart.Interactions) search.Expr { return search.IDs(f) }
func (few) Knows(fhir.Key) bool                               { return false }
func (few) Narrows(fhir.Type, smart.Interactions) bool        { return false }

func TestWhoOrdersAnImportMustBeAllowedToWriteItsTypes(t *testing.T) {
	p := newImporter(t, sqliteStore(t))
	p.sessions.access["patients"], p.sessions.access["reader"] = types{"Patient"}, types{}
	s := newSource(t)
	s.file("Patient.ndjson", lines(patient("a")))
	s.file("Observation.ndjson", lines(observation("o", "Patient/a")))
	p.do("POST", "/$import", s.files("Patient.ndjson"), "Who", "reader").want(403, "system/*.cu")
	p.do("POST", "/$import", lines(patient("a")), "Who", "reader", "Content-Type", "application/fhir+ndjson").want(403, "system/*.cu")
	p.do("POST", "/$import", s.files("Patient.ndjson", "Observation.ndjson"), "Who", "patients").want(403, "system/Observation.cu")
	if c := p.done(p.order(s.files("Patient.ndjson"), "Who", "patients"), "Who", "patients").counts(); c.Accepted != 1 {
		t.Errorf("%+v", c)
	}
	// Of an upload nobody knows before what it holds.
	list := parse(t, p.do("POST", "/$import", lines(patient("b"), observation("o", "Patient/a")), "Who", "patients", "Content-Type", "application/fhir+ndjson").want(200).body)
	if list[0].Status != "accepted" || list[1].Status != "refused" || !strings.Contains(list[1].Outcome.Issue[0].Details.Text, "no scope allows") {
		t.Errorf("%+v", list)
	}
	// Nor what of it is within reach.
	p.sessions.access["few"] = few{"c", "a"}
	list = parse(t, p.do("POST", "/$import", lines(patient("c"), patient("d"), patient("a")), "Who", "few", "Content-Type", "application/fhir+ndjson").want(200).body)
	if list[0].Status != "accepted" || list[1].Status != "refused" || list[2].Status != "matched" || list[1].Outcome.Issue[0].Code != "forbidden" {
		t.Errorf("%+v", list)
	}
	if asked := s.requests(); len(asked) != 1 {
		t.Errorf("%q", asked)
	}
}

func TestOnlyWhatIsAllowedWithoutAUserIsAllowedToAnImport(t *testing.T) {
	p := newImporter(t, sqliteStore(t))
	var stood []string
	s := intake.New(intake.Config{Door: p.door, Sessions: standing(func(n records.Standing) { stood = n.Scopes })})
	session := p.door.Session(records.Principal{Standing: records.Standing{Client: "c", Scopes: smart.Scopes{"openid", "user/*.cruds", "patient/*.cruds", "system/Patient.cu"}}}, nil)
	if _, err := s.Place(t.Context(), session, intake.Order{Inputs: []intake.Input{{Type: "Patient", URL: "https://x.example/a"}}}); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(stood) != "[system/Patient.cu]" {
		t.Errorf("it stands by %v", stood)
	}
}

type standing func(records.Standing)

func (f standing) Stand(_ context.Context, door *records.Door, n records.Standing) (*records.Session, error) {
	f(n)
	return door.Session(records.Principal{Standing: n}, nil), nil
}

func TestAnImportIsSeenAndCancelledByWhoOrderedItAlone(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p, s := newImporter(t, open()), newSource(t)
		release := make(chan struct{})
		s.HandleFunc("/Patient.ndjson", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, patient("a"))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		defer close(release)
		at := p.order(s.files("Patient.ndjson"), "Who", "one")
		p.do("GET", at, "", "Who", "other").want(404)
		p.do("DELETE", at, "", "Who", "other").want(404)
		p.do("GET", at, "", "Who", "one").want(202)
		p.do("DELETE", at, "", "Who", "one").want(202)
		p.do("GET", at, "", "Who", "one").want(404, "OperationOutcome")
		p.do("DELETE", at, "", "Who", "one").want(404)
		p.do("GET", "/Patient/a", "").want(404)
		// One that is over leaves nothing.
		s.file("Observation.ndjson", "{\n")
		at = p.order(s.files("Observation.ndjson"), "Who", "one")
		r := p.done(at, "Who", "one")
		p.do("GET", r.Outcome[0].URL, "", "Who", "other").want(404)
		p.do("DELETE", at, "", "Who", "one").want(202)
		p.do("GET", at, "", "Who", "one").want(404)
		p.do("GET", r.Outcome[0].URL, "", "Who", "one").want(404)
	})
}

func TestWhoOrdersTooManyImportsIsAskedToWait(t *testing.T) {
	p, s := newImporter(t, sqliteStore(t)), newSource(t)
	release := make(chan struct{})
	s.HandleFunc("/Patient.ndjson", func(w http.ResponseWriter, r *http.Request) { <-release })
	for range 10 {
		p.order(s.files("Patient.ndjson"), "Who", "one")
	}
	p.do("POST", "/$import", s.files("Patient.ndjson"), "Who", "one").want(429)
	p.order(s.files("Patient.ndjson"), "Who", "other")
	close(release)
}

func TestAnImportEndsWithWhatItIsAllowedBy(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p := newImporter(t, open())
		s := newSource(t)
		half := make(chan struct{})
		s.HandleFunc("/Observation.ndjson", func(w http.ResponseWriter, r *http.Request) {
			for i := range 40 {
				_, _ = io.WriteString(w, lines(patient(fmt.Sprint("p", i))))
			}
			_ = http.NewResponseController(w).Flush()
			<-half
		})
		at := p.order(strings.Replace(s.files("Observation.ndjson"), `"type":"Observation",`, "", 1), "Who", "one")
		for len(s.requests()) == 0 {
			time.Sleep(time.Millisecond)
		}
		p.sessions.end("one")
		close(half)
		// Who ordered it is nobody any more, so another asks the service.
		j, err := p.door.Jobs().ReadJob(t.Context(), "import-"+at[strings.LastIndex(at, "/")+1:])
		for err == nil && j.Ended.IsZero() {
			time.Sleep(10 * time.Millisecond)
			j, err = p.door.Jobs().ReadJob(t.Context(), j.ID)
		}
		if err != nil || j.State != store.JobFailed || !strings.Contains(j.Error, "nothing is allowed any more") {
			t.Errorf("%+v, %v", j, err)
		}
		p.do("GET", "/Patient/p0", "", "Who", "two").want(404)
	})
}

func TestWhatAnImportWritesIsInTheAuditLogWithItsPatients(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		s := open()
		log, err := audit.Open(t.Context(), audit.Config{Store: s, Secret: placetest.Plain{}, Origin: "https://ehr.example/fhir", SealEvery: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		p := newImporter(t, s, func(_ *intake.Config, c *records.Config) { c.Audit = log })
		p.do("POST", "/$import", lines(patient("a"), observation("o", "Patient/a"), patient("b"), "{"), "Who", "one", "Content-Type", "application/fhir+ndjson").want(200)
		session := p.door.Session(records.Principal{Audits: records.Audits{All: true}}, nil)
		var found *audit.Event
		for range 3000 {
			events, err := session.FindEvents(t.Context(), audit.Query{})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events.Events {
				if e.Kind == audit.Import {
					found = e
				}
			}
			if found != nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if found == nil || len(found.Patients) != 2 || found.Count != 3 || found.Target != "$import" || !strings.HasPrefix(found.Request, "import-") {
			t.Errorf("%+v", found)
		}
	})
}
