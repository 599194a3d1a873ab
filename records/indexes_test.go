package records_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// guide is R4 with a package of search parameters, each "code type expression".
func guide(t testing.TB, parameters ...string) *definitions.Definitions {
	t.Helper()
	packed := bytes.NewReader(testpackage.Parameters(t, parameters...))
	return must(definitions.LoadPackage(packed, definitions.MustBuiltIn(definitions.R4)))(t)
}

// doorOf opens a door as a process with other definitions does.
func (db database) doorOf(t testing.TB, d *definitions.Definitions) *records.Door {
	t.Helper()
	return must(records.Open(context.WithoutCancel(t.Context()), records.Config{Store: db.open(t), Definitions: d, Base: base, Policy: records.DefaultPolicy()}))(t)
}

const suffix = "suffix string Patient.name.suffix"

// juniors are so many patients with a suffix.
func juniors(t testing.TB, d *records.Door, n int) {
	t.Helper()
	contents := make([]records.Content, n)
	for i := range contents {
		contents[i] = body(`{"resourceType":"Patient","id":"p%d","name":[{"family":"Example","suffix":["Jr"]}]}`, i)
	}
	loaded := must(d.Session(records.Principal{}, nil).Load(t.Context(), contents, records.LoadOptions{}))(t)
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, l := range loaded {
		if l.Err != nil {
			t.Fatalf("%d: %v", i, l.Err)
		}
	}
}

// report is what a job that builds indexes counted.
type report struct {
	Report   records.ReindexProgress
	Complete []string
}

// work does a door's background work until its job ends, or enough says so.
func work(t testing.TB, d *records.Door, enough func(report) bool) report {
	t.Helper()
	if j, err := d.Jobs().ReadJob(t.Context(), "index"); err == nil && j.State == store.JobDone {
		if err := d.Jobs().DeleteJob(t.Context(), "index"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Work(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		j, err := d.Jobs().ReadJob(t.Context(), "index")
		if err != nil {
			continue
		}
		var envelope struct{ State report }
		if len(j.Progress) > 0 {
			if err := json.Unmarshal(j.Progress, &envelope); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case j.State == store.JobDone:
			var r report
			if err := json.Unmarshal(j.Result, &r); err != nil {
				t.Fatal(err)
			}
			return r
		case j.State == store.JobFailed:
			t.Fatal(j.Error)
		case enough != nil && enough(envelope.State):
			return envelope.State
		}
	}
	t.Fatal("the job did not end")
	return report{}
}

func (db database) refuses(t testing.TB, d *records.Door, query string, parts ...string) {
	t.Helper()
	_, err := d.Session(records.Principal{}, nil).Search(t.Context(), records.SearchRequest{Type: "Patient", Pairs: pairs(t, query)})
	refused(t, err, fault.Unavailable, parts...)
}

func TestASearchByANewParameterIsRefusedUntilItIsIndexed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 250
		juniors(t, db.doorOf(t, definitions.MustBuiltIn(definitions.R4)), n)
		d := db.doorOf(t, guide(t, suffix))
		s := d.Session(records.Principal{}, nil)
		db.refuses(t, d, "suffix=jr", "Patient.suffix is being indexed: 0 % is done", "_indexing=partial")
		db.refuses(t, d, "_sort=suffix", "Patient.suffix")
		db.refuses(t, d, "_has:Observation:patient:subject:Patient.suffix=jr", "Patient.suffix")
		if got := count(t, s, "Patient", "family=example"); got != n {
			t.Errorf("by another parameter %d are found", got)
		}
		_, err := s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{IfNoneExist: pairs(t, "suffix=jr")})
		refused(t, err, fault.Unavailable, "Patient.suffix")
		_, err = d.Session(records.Principal{}, only{search.Missing{Param: search.Param{Type: "Patient", Code: "suffix", Kind: definitions.SearchString}, Want: true}}).Search(
			t.Context(), records.SearchRequest{Type: "Patient", Partial: true})
		refused(t, err, fault.Unavailable, "Patient.suffix")

		put(t, s, "Patient/new", `{"resourceType":"Patient","id":"new","name":[{"suffix":["Jr"]}]}`)
		for name, req := range map[string]records.SearchRequest{"partial": {Partial: true}, "lenient": {Handling: records.HandlingLenient}} {
			req.Type, req.Pairs = "Patient", pairs(t, "suffix=jr")
			some := must(s.Search(t.Context(), req))(t)
			if len(some.Entries) != 1 || some.Entries[0].Key.ID != "new" || len(some.Issues) != 1 || !strings.Contains(some.Issues[0].Message, "Patient.suffix is being indexed") {
				t.Errorf("%s: %d entries, %+v", name, len(some.Entries), some.Issues)
			}
		}

		r := work(t, d, nil).Report
		if r.Read != n+1 || r.Written != n+1 || r.Added != n || r.Removed != 0 || r.Unchanged < n || r.Refused+r.Skipped != 0 {
			t.Errorf("the report is %+v", r)
		}
		if got := count(t, s, "Patient", "suffix=jr"); got != n+1 {
			t.Errorf("%d of %d are found", got, n+1)
		}
		d = db.doorOf(t, guide(t, suffix)) // started again
		if got := count(t, d.Session(records.Principal{}, nil), "Patient", "suffix=jr"); got != n+1 {
			t.Errorf("%d of %d are found by another process", got, n+1)
		}
	})
}

func TestABuildThatIsCutOffGoesOnWhereItWas(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 1050
		juniors(t, db.doorOf(t, definitions.MustBuiltIn(definitions.R4)), n)
		d := db.doorOf(t, guide(t, suffix))
		some := work(t, d, func(r report) bool { return r.Report.Read >= 200 }).Report
		if some.Read >= n {
			t.Fatal("it ended before it could be cut off")
		}
		d = db.doorOf(t, guide(t, suffix))
		db.refuses(t, d, "suffix=jr", "Patient.suffix is being indexed")
		r := work(t, d, nil).Report
		if r.Read != n || r.Added != n {
			t.Errorf("after %d resources: %+v", some.Read, r)
		}
		if got := count(t, d.Session(records.Principal{}, nil), "Patient", "suffix=jr"); got != n {
			t.Errorf("%d of %d are found", got, n)
		}
	})
}

func TestARemovedParametersRowsAreCleaned(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 120
		d := db.doorOf(t, guide(t, suffix))
		juniors(t, d, n)
		if got := count(t, d.Session(records.Principal{}, nil), "Patient", "suffix=jr"); got != n {
			t.Fatalf("in a new database %d of %d are found at once", got, n)
		}
		without := db.doorOf(t, definitions.MustBuiltIn(definitions.R4))
		if got := count(t, without.Session(records.Principal{}, nil), "Patient", "family=example"); got != n {
			t.Errorf("%d of %d are found meanwhile", got, n)
		}
		r := work(t, without, nil).Report
		if r.Read != n || r.Removed != n || r.Added != 0 {
			t.Errorf("the report is %+v", r)
		}
		// The same code with another meaning is built anew.
		again := db.doorOf(t, guide(t, "suffix string Patient.name.family"))
		db.refuses(t, again, "suffix=example", "Patient.suffix")
		if r := work(t, again, nil).Report; r.Added != n {
			t.Errorf("the report is %+v", r)
		}
		if got := count(t, again.Session(records.Principal{}, nil), "Patient", "suffix=example"); got != n {
			t.Errorf("%d of %d are found", got, n)
		}
	})
}

func TestAProcessWithFormerParametersNoLongerWrites(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		former := db.doorOf(t, definitions.MustBuiltIn(definitions.R4))
		juniors(t, former, 1)
		db.doorOf(t, guide(t, suffix))
		s := former.Session(records.Principal{}, nil)
		deadline := time.Now().Add(time.Minute)
		for i := 0; ; i++ {
			_, err := s.Update(t.Context(), key("Patient/late"), body(`{"resourceType":"Patient","id":"late","active":true,"name":[{"text":"%d"}]}`, i), records.UpdateOptions{})
			if err != nil {
				refused(t, err, fault.Unavailable, "another process", "Patient")
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("it goes on writing")
			}
			time.Sleep(50 * time.Millisecond)
		}
		if got := count(t, s, "Patient", "family=example"); got != 1 {
			t.Errorf("%d are found", got)
		}
	})
}

// plant stores a Patient without the door's doing.
func (db database) plant(t *testing.T, id fhir.ID, text string) {
	t.Helper()
	s := db.open(t)
	err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{{
			Key: fhir.Key{Type: "Patient", ID: id}, Method: http.MethodPut, Release: definitions.R4, Updated: time.Now(),
			Body: s.Pack([]byte(text), nil),
		}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestADatabaseIndexedByNobodyKnowsWhatIsIndexedAnew(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		db.plant(t, "p", `{"resourceType":"Patient","id":"p","active":true}`)
		d := db.door(t, records.DefaultPolicy())
		db.refuses(t, d, "active=true", "Patient.active")
		if r := work(t, d, nil).Report; r.Read != 1 || r.Added == 0 {
			t.Errorf("the report is %+v", r)
		}
		if got := count(t, d.Session(records.Principal{}, nil), "Patient", "active=true"); got != 1 {
			t.Errorf("%d are found", got)
		}
	})
}

// The state of the index is told to everybody, also in /metadata.
func TestAnIndexThatIsNotCompleteNamesNoResource(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		db.plant(t, "secret", `{"resourceType":"Patient","id":"secret","secret":true}`)
		d := db.door(t, records.DefaultPolicy())
		if r := work(t, d, nil).Report; r.Refused != 1 {
			t.Fatalf("the report is %+v", r)
		}
		lacking, err := d.Incomplete(t.Context())
		if err != nil || len(lacking) == 0 {
			t.Fatal(lacking, err)
		}
		for _, i := range lacking {
			if text := i.String(); strings.Contains(text, "secret") || !strings.Contains(text, "ingle reindex") {
				t.Error(text)
			}
		}
	})
}

func TestTextIsSearchedOnceItIsIndexed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 20
		juniors(t, db.door(t, records.DefaultPolicy()), n)
		policy := records.DefaultPolicy()
		policy.IndexContent = true
		d := db.door(t, policy)
		db.refuses(t, d, "_content=example", "Patient._content is being indexed")
		_, err := d.Session(records.Principal{}, nil).Search(t.Context(), records.SearchRequest{Pairs: pairs(t, "_content=example")})
		refused(t, err, fault.Unavailable, "Patient._content")
		if got := count(t, d.Session(records.Principal{}, nil), "Patient", "family=example"); got != n {
			t.Errorf("by another parameter %d are found meanwhile", got)
		}
		if r := work(t, d, nil).Report; r.Read != n || r.Refused+r.Skipped != 0 {
			t.Errorf("the report is %+v", r)
		}
		db.finds(t, d, "_content=example", n)
		db.finds(t, d, "_content=p7", 1)

		// Without it and with it again, rows are missing of what came between.
		without := db.door(t, records.DefaultPolicy())
		put(t, without.Session(records.Principal{}, nil), "Patient/between", `{"resourceType":"Patient","id":"between","name":[{"family":"Example"}]}`)
		again := db.door(t, policy)
		db.refuses(t, again, "_content=example", "Patient._content")
		work(t, again, nil)
		db.finds(t, again, "_content=example", n+1)
		db.finds(t, again, "_content=between", 1)
	})
}

// What a parameter repeats has no rows of its own. When a package adds or takes
// away what it repeats, it is searched by once the rows are where they belong.
func TestAParameterThatRepeatsOthersIsSearchedOnceTheirRowsAreThere(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n, both = 12, "both string Patient.name.suffix | Patient.contact.name.family"
		parts := []string{suffix, "kin string Patient.contact.name.family"}
		juniors(t, db.doorOf(t, guide(t, both)), n)
		for _, parameters := range [][]string{{both, parts[0], parts[1]}, {both}, {both, parts[1], parts[0]}, {both, parts[0]}} {
			d := db.doorOf(t, guide(t, parameters...))
			db.refuses(t, d, "both=jr", "being indexed")
			work(t, d, nil)
			db.finds(t, d, "both=jr", n)
		}
	})
}

// busy is a store that gets new resources faster than they can be walked.
type busy struct {
	store.Store
	more func()
}

func (b busy) Reindex(ctx context.Context, held store.Setting, items []store.Reindexed) (store.ReindexCount, error) {
	b.more()
	return b.Store.Reindex(ctx, held, items)
}

func TestAWalkEndsThoughResourcesComeFasterThanItIs(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		const n = 150
		juniors(t, db.doorOf(t, definitions.MustBuiltIn(definitions.R4)), n)
		writing := db.doorOf(t, guide(t, suffix))
		made := 0
		more := func() {
			contents := make([]records.Content, 120)
			for i := range contents {
				made++
				contents[i] = body(`{"resourceType":"Patient","id":"more%d","name":[{"suffix":["Jr"]}]}`, made)
			}
			must(writing.Session(records.Principal{}, nil).Load(t.Context(), contents, records.LoadOptions{}))(t)
		}
		d := must(records.Open(t.Context(), records.Config{
			Store: busy{db.open(t), more}, Definitions: guide(t, suffix), Base: base, Policy: records.DefaultPolicy(),
		}))(t)
		if r := work(t, d, nil).Report; r.Read != n || r.Added != n {
			t.Errorf("the report is %+v", r)
		}
		db.finds(t, d, "suffix=jr", n+made)
		if p := must(d.Reindex(t.Context(), records.ReindexOptions{}))(t); p.Unchanged == 0 || p.Added != 0 {
			t.Errorf("the report is %+v", p)
		}
	})
}
