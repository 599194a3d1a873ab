package records_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// onPairs runs a test for moves from each database to each other.
func onPairs(t *testing.T, test func(t *testing.T, from, to database)) {
	for _, pair := range [][2]string{{"sqlite", "postgres"}, {"postgres", "sqlite"}, {"sqlite", "sqlite"}, {"postgres", "postgres"}} {
		t.Run(pair[0]+" to "+pair[1], func(t *testing.T) { test(t, newDatabase(t, pair[0]), newDatabase(t, pair[1])) })
	}
}

// over opens a door with both built-in releases.
func (db database) over(t *testing.T, s store.Store) *records.Door {
	t.Helper()
	return must(records.Open(context.Background(), records.Config{
		Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Others: []*definitions.Definitions{definitions.MustBuiltIn(definitions.R4B)},
		Base: base, Policy: records.Policy{Expunge: true},
	}))(t)
}

// eventful stores n patients and everything that can happen to a resource.
func eventful(t *testing.T, door *records.Door, n int) {
	t.Helper()
	s := door.Session(records.Principal{}, nil)
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"p%d","name":[{"family":"Family%d"}],"birthDate":"19%02d"},"request":{"method":"PUT","url":"Patient/p%[1]d"}}`, i, i, i%100))
	}
	c := body(`{"resourceType":"Bundle","type":"batch","entry":[%s]}`, strings.Join(entries, ","))
	must(s.Bundle(t.Context(), c, records.BundleOptions{}))(t)
	for i := range 5 {
		put(t, s, "Patient/p0", `{"resourceType":"Patient","id":"p0","name":[{"family":"Changed%d"}]}`, i)
	}
	must(s.Create(t.Context(), "Observation", body(`{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1-8"}]},"subject":{"reference":"Patient/p0"},"valueQuantity":{"value":70,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`), records.CreateOptions{}))(t)
	for _, id := range []string{"p1", "p2"} {
		must(s.Delete(t.Context(), key("Patient/"+id), records.DeleteOptions{}))(t)
	}
	put(t, s, "Patient/p2", `{"resourceType":"Patient","id":"p2","active":true}`)
	patched := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"add","path":"/gender","value":"other"}]`)}
	must(s.Patch(t.Context(), key("Patient/p3"), patched, records.UpdateOptions{}))(t)
	put(t, s, "Binary/b", `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGVsbG8gd29ybGQ="}`)
	put(t, s, "Binary/b", `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGVsbG8gYWdhaW4="}`)
	must(s.Update(t.Context(), key("Patient/b4"), records.Content{JSON: []byte(`{"resourceType":"Patient","id":"b4"}`), Release: definitions.R4B}, records.UpdateOptions{}))(t)
	for i := range 3 {
		put(t, s, "Organization/o", `{"resourceType":"Organization","id":"o","language":"de","name":"name %d"}`, i)
	}
	must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Organization/o"), OldVersions: true}))(t)
}

// shown is what a tenant shows: its history, and the answers to searches.
func shown(t *testing.T, door *records.Door) (history []records.Resource, searches map[string]string) {
	t.Helper()
	s := door.Session(records.Principal{}, nil)
	for after := ""; ; {
		page := must(s.History(t.Context(), records.HistoryRequest{Count: 1000, After: after}))(t)
		history = append(history, page.Entries...)
		if after = page.Next; after == "" {
			break
		}
	}
	searches = map[string]string{}
	for _, query := range []string{
		"Patient?_count=1000", "Patient?name=changed4", "Patient?name=changed3", "Patient?name=family7", "Patient?birthdate=lt1910&_sort=-birthdate",
		"Patient?active=true", "Patient?gender=other", "Organization?name=name", "Observation?code=http://loinc.org|1-8&value-quantity=70000|http://unitsofmeasure.org|g",
		"Observation?subject=Patient/p0&_include=Observation:subject", "Patient?_has:Observation:subject:code=1-8", "Binary?",
	} {
		typ, criteria, _ := strings.Cut(query, "?")
		searches[query] = found(t, s, typ, criteria)
	}
	return history, searches
}

func same(t *testing.T, from, to *records.Door) {
	t.Helper()
	wantHistory, wantSearches := shown(t, from)
	gotHistory, gotSearches := shown(t, to)
	if d := cmp.Diff(wantHistory, gotHistory); d != "" {
		t.Errorf("the history differs:\n%.2000s", d)
	}
	if d := cmp.Diff(wantSearches, gotSearches); d != "" {
		t.Errorf("searches differ:\n%s", d)
	}
	if len(wantHistory) == 0 || wantSearches["Patient?name=changed4"] != "Patient/p0" || wantSearches["Patient?name=changed3"] != "" {
		t.Errorf("the source itself is wrong: %d versions, %v", len(wantHistory), wantSearches)
	}
}

func TestAMigrationMovesEverythingAndProvesIt(t *testing.T) {
	onPairs(t, func(t *testing.T, from, to database) {
		source, target := from.open(t), to.open(t)
		door := from.over(t, source)
		eventful(t, door, 700)
		if err := source.WriteSetting(t.Context(), "policy", []byte("strict")); err != nil {
			t.Fatal(err)
		}
		users := make([]store.ItemChange, 450)
		for i := range users {
			users[i].Item = store.Item{Kind: "user", ID: fmt.Sprint(i), Body: fmt.Appendf(nil, `{"n":%d}`, i), Keys: []store.ItemKey{{Name: "login", Value: fmt.Sprint("login", i)}}}
		}
		users[0].Expires = time.Unix(2000000000, 0).UTC()
		if err := source.WriteItems(t.Context(), false, users...); err != nil {
			t.Fatal(err)
		}
		m, err := records.Migrate(t.Context(), door, to.over(t, target), records.MigrateOptions{})
		if err != nil || !m.Agrees() || m.Resumed || m.Before {
			t.Fatalf("%+v %v", m, err)
		}
		if m.Versions != m.From.Versions || m.From.Resources["Patient"] != 700 || m.From.Contents != int64(len("hello world"+"hello again")) {
			t.Errorf("%+v", m)
		}
		moved := to.over(t, target)
		same(t, door, moved)
		if v, err := target.ReadSetting(t.Context(), "policy"); err != nil || string(v) != "strict" {
			t.Errorf("setting %q, %v", v, err)
		}
		for _, u := range users {
			found, err := target.FindItems(t.Context(), "user", u.Keys[0], "", 2)
			u.Version = 1
			if d := cmp.Diff([]store.Item{u.Item}, found); d != "" || err != nil {
				t.Fatalf("%s %v", d, err)
			}
		}
		_, content, err := moved.Session(records.Principal{}, nil).ReadBinary(t.Context(), "b", "1", 0, -1)
		if err != nil || content.Size != int64(len("hello world")) {
			t.Errorf("%+v %v", content, err)
		}
		// Once more only compares; another source, and a target that was changed, are refused.
		if m, err = records.Migrate(t.Context(), door, moved, records.MigrateOptions{}); err != nil || !m.Before || !m.Agrees() {
			t.Errorf("again: %+v %v", m, err)
		}
		other := newDatabase(t, "sqlite")
		if _, err = records.Migrate(t.Context(), other.over(t, other.open(t)), moved, records.MigrateOptions{}); !errors.Is(err, records.ErrNotEmpty) {
			t.Errorf("another source: %v", err)
		}
		patient(t, moved.Session(records.Principal{}, nil), "new")
		if m, err = records.Migrate(t.Context(), door, moved, records.MigrateOptions{}); !errors.Is(err, records.ErrNotEmpty) || m.Agrees() {
			t.Errorf("a target that was changed: %+v %v", m, err)
		}
	})
}

func TestAMigrationThatWasInterruptedIsTakenUp(t *testing.T) {
	onPairs(t, func(t *testing.T, from, to database) {
		// With the first, progress is kept at each batch; with the second, what
		// was moved lies beyond what was kept, as after a kill.
		for _, checkpoint := range []time.Duration{time.Nanosecond, time.Hour} {
			source, target := newDatabase(t, from.name).open(t), newDatabase(t, to.name).open(t)
			door := from.over(t, source)
			eventful(t, door, 1300)
			runs := 0
			for {
				ctx, cancel := context.WithCancel(t.Context())
				batches := 0
				m, err := records.Migrate(ctx, door, to.over(t, target), records.MigrateOptions{
					Checkpoint: checkpoint,
					Progress: func(p records.MigrateProgress) {
						if batches++; batches == 1 && !p.Comparing && runs < 2 {
							cancel()
						}
					},
				})
				cancel()
				if runs++; err == nil {
					if !m.Resumed || !m.Agrees() {
						t.Errorf("%+v", m)
					}
					break
				}
				if !errors.Is(err, context.Canceled) || runs > 6 {
					t.Fatal(err)
				}
				if runs == 1 {
					put(t, door.Session(records.Principal{}, nil), "Patient/p5", `{"resourceType":"Patient","id":"p5","gender":"female"}`)
				}
			}
			if runs < 3 {
				t.Errorf("only %d runs", runs)
			}
			same(t, door, to.over(t, target))
		}
	})
}

func TestAMigrationIsRefusedWhileJobsHaveNotEnded(t *testing.T) {
	onPairs(t, func(t *testing.T, from, to database) {
		source, target := from.open(t), to.open(t)
		door := from.over(t, source)
		patient(t, door.Session(records.Principal{}, nil), "p")
		for _, id := range []string{"index", "import-1", "done-1"} {
			must(jobs.Enqueue(t.Context(), source, jobs.Job{ID: id, Kind: id}, time.Now()))(t)
		}
		if err := source.CancelJob(t.Context(), "done-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		_, err := records.Migrate(t.Context(), door, to.over(t, target), records.MigrateOptions{})
		if !errors.Is(err, records.ErrUnfinished) || !strings.HasSuffix(err.Error(), ": import-1") {
			t.Errorf("with an import that was interrupted: %v", err)
		}
		if last := must(target.LastSeq(t.Context()))(t); last != 0 {
			t.Errorf("%d versions were moved nevertheless", last)
		}
		m, err := records.Migrate(t.Context(), door, to.over(t, target), records.MigrateOptions{LeaveJobs: true})
		if err != nil || !m.Agrees() {
			t.Errorf("leaving it: %+v %v", m, err)
		}
		if _, err := target.ReadJob(t.Context(), "import-1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the target has the job: %v", err)
		}
		if j := must(source.ReadJob(t.Context(), "import-1"))(t); j.State != store.JobReady {
			t.Errorf("the source's job is %s", j.State)
		}
	})
}

func TestAMigrationGoesOnWhenTheJobsHaveEnded(t *testing.T) {
	from, to := newDatabase(t, "sqlite"), newDatabase(t, "sqlite")
	source, target := from.open(t), to.open(t)
	door := from.over(t, source)
	patient(t, door.Session(records.Principal{}, nil), "p")
	must(jobs.Enqueue(t.Context(), source, jobs.Job{ID: "import-1", Kind: "import-1"}, time.Now()))(t)
	if _, err := records.Migrate(t.Context(), door, to.over(t, target), records.MigrateOptions{}); !errors.Is(err, records.ErrUnfinished) {
		t.Fatal(err)
	}
	finish := func(context.Context, *jobs.Work) error { return nil }
	if err := jobs.Do(t.Context(), jobs.Config{Store: source}, jobs.Job{ID: "import-1", Kind: "import-1"}, finish, nil); err != nil {
		t.Fatal(err)
	}
	if m, err := records.Migrate(t.Context(), door, to.over(t, target), records.MigrateOptions{}); err != nil || !m.Agrees() {
		t.Errorf("%+v %v", m, err)
	}
}

func TestAMigrationIsRefusedWhereThereAreUsersAlready(t *testing.T) {
	from, to := newDatabase(t, "sqlite"), newDatabase(t, "sqlite")
	target := to.open(t)
	if err := target.WriteItems(t.Context(), false, store.ItemChange{Item: store.Item{Kind: "user", ID: "1"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := records.Migrate(t.Context(), from.over(t, from.open(t)), to.over(t, target), records.MigrateOptions{}); !errors.Is(err, records.ErrNotEmpty) {
		t.Errorf("%v", err)
	}
}

func TestAMigrationThatLostSomethingSaysSo(t *testing.T) {
	from, to := newDatabase(t, "sqlite"), newDatabase(t, "sqlite")
	source, target := from.open(t), to.open(t)
	door := from.over(t, source)
	eventful(t, door, 20)
	moving := to.over(t, target)
	m, err := records.Migrate(t.Context(), door, moving, records.MigrateOptions{Progress: func(p records.MigrateProgress) {
		if !p.Comparing {
			patient(t, moving.Session(records.Principal{}, nil), "stranger")
		}
	}})
	if !errors.Is(err, records.ErrDiffers) || m.Agrees() || m.To.Versions != m.From.Versions+1 {
		t.Errorf("%+v %v", m, err)
	}
}

func TestAMigrationTakesConsentDefaultsAndReviewsAlong(t *testing.T) {
	onPairs(t, func(t *testing.T, from, to database) {
		a, b := from.over(t, from.open(t)), to.over(t, to.open(t))
		s := a.Session(records.Principal{}, nil)
		patient(t, s, "p")
		consents(t, s, "reviewed", "p", unclear)
		consents(t, s, "waits", "p", unclear)
		if err := errors.Join(s.ReviewConsent(t.Context(), "reviewed", "asked"), s.SetConsentDefaults(t.Context(), access.Defaults{Permit: []string{"BTG"}, Sealed: []string{}})); err != nil {
			t.Fatal(err)
		}
		must(records.Migrate(t.Context(), a, b, records.MigrateOptions{}))(t)
		moved := b.Session(records.Principal{}, nil)
		if got := waiting(t, moved); got != "waits" {
			t.Error(got)
		}
		if got := must(moved.ConsentDefaults(t.Context()))(t); len(got.Permit) != 1 || got.Permit[0] != "BTG" {
			t.Error(got)
		}
	})
}
