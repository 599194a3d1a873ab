package monitor

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/finding"
)

// examine is what is found of a place, by check.
func (p *place) examine(feeds ...Feed) map[string]finding.Finding {
	by := map[string]finding.Finding{}
	for _, f := range Examine(p.t.Context(), p.door, p.now, func(context.Context, *records.Door) ([]Feed, error) { return feeds, nil }) {
		by[f.Check] = f
		if f.Means == "" || (f.State != finding.OK) != (f.Do != "") {
			p.t.Errorf("it does not say what to do: %+v", f)
		}
	}
	return by
}

func TestEveryExaminationFindsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		check string
		begin func(p *place)
		want  finding.State
		feeds []Feed
	}{
		"a clock that is a little off": {"clock", func(p *place) { p.store.ahead.Store(20) }, finding.Warn, nil},
		"a clock that is an hour off":  {"clock", func(p *place) { p.store.ahead.Store(3600) }, finding.Fail, nil},
		"a job that is stuck": {"jobs", func(p *place) {
			p.must(p.store.CreateJob(p.t.Context(), store.Job{ID: "1", Kind: "export", State: store.JobReady, Created: p.now, RunAt: p.now.Add(-time.Hour)}))
		}, finding.Fail, nil},
		"a job that failed": {"jobs", func(p *place) {
			p.must(p.store.CreateJob(p.t.Context(), store.Job{ID: "1", Kind: "export", State: store.JobFailed, Created: p.now, Ended: p.now}))
		}, finding.Warn, nil},
		"a subscriber that fails": {"subscriptions", func(*place) {}, finding.Warn, []Feed{{Name: "Subscription/1"}, {Name: "Subscription/2", Failures: 3}}},
		"a backup that is old": {"backup", func(p *place) {
			p.must(records.NoteBackup(p.t.Context(), p.store, records.Backup{Taken: p.now.Add(-100 * time.Hour)}))
		}, finding.Warn, nil},
		"an alert that fires":       {"alerts", func(p *place) { p.disk = 0; p.evaluate() }, finding.Warn, nil},
		"an audit log without room": {"audit room", func(p *place) { p.store.full.Store(true); p.event() }, finding.Fail, nil},
		"a copy that is away": {"audit copies", func(p *place) {
			p.copy.away.Store(true)
			p.event()
			p.until("a copy that fails", func() bool { return p.state().Copies[0].Away })
		}, finding.Warn, nil},
		"an audit log whose tree was altered": {"audit log", func(p *place) {
			var recording sync.WaitGroup // more than a node of the tree that is stored
			for range 600 {
				recording.Go(p.event)
			}
			recording.Wait()
			p.must(p.door.Audit().Seal(p.t.Context()))
			p.store.forged.Store(true)
		}, finding.Fail, nil},
		"no backup": {"backup", func(*place) {}, finding.Warn, nil},
		"resources that are not labelled yet": {"labels", func(p *place) {
			rules, err := label.Parse([]byte(`{"rules":[{"name":"x","labels":["SUD"],"words":["heroin"]}]}`))
			p.must(err)
			p.must(p.door.SetLabeling(p.t.Context(), &rules))
		}, finding.Warn, nil},
		"a search parameter whose rows are not made yet": {"indexes", func(p *place) {
			s := p.door.Session(records.Principal{ID: "test"}, nil)
			for _, one := range []struct {
				key  fhir.Key
				text string
			}{ // what is there first has no rows of what comes then
				{fhir.Key{Type: "Patient", ID: "a"}, `{"resourceType":"Patient","id":"a","name":[{"family":"Ng"}]}`},
				{fhir.Key{Type: "SearchParameter", ID: "eye"}, `{"resourceType":"SearchParameter","id":"eye","url":"http://ehr.example/eye","name":"eye","description":"eye","status":"active","code":"eye","base":["Patient"],"type":"string","expression":"Patient.name.family"}`},
			} {
				_, err := s.Update(p.t.Context(), one.key, records.Content{JSON: []byte(one.text)}, records.UpdateOptions{})
				p.must(err)
			}
		}, finding.Warn, nil},
		"a store that does not answer": {"jobs", func(p *place) { p.store.away.Store(true) }, finding.Fail, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			c.begin(p)
			by := p.examine(c.feeds...)
			if f := by[c.check]; f.State != c.want {
				t.Errorf("%+v, want %s", f, c.want)
			}
		})
	}
}

func TestAPlaceThatIsWellIsFoundSo(t *testing.T) {
	p := newPlace(t)
	p.event()
	p.must(p.door.Audit().Seal(t.Context()))
	p.must(records.NoteBackup(t.Context(), p.store, records.Backup{Taken: p.now}))
	by := p.examine(Feed{Name: "Subscription/1", Total: 3, Taken: 3})
	for _, check := range []string{"clock", "indexes", "labels", "audit log", "jobs", "subscriptions", "backup", "alerts"} {
		if f := by[check]; f.State != finding.OK {
			t.Errorf("%s: %+v", check, f)
		}
	}
}

func (a *ailing) CountJobs(ctx context.Context) ([]store.JobCount, error) {
	if a.away.Load() {
		return nil, errors.New("away")
	}
	return a.Store.CountJobs(ctx)
}

func (a *ailing) AuditNodes(ctx context.Context, ids []int64) ([]store.AuditNode, error) {
	nodes, err := a.Store.AuditNodes(ctx, ids)
	if a.forged.Load() {
		for i := range nodes {
			nodes[i].Hash = append([]byte{nodes[i].Hash[0] ^ 1}, nodes[i].Hash[1:]...)
		}
	}
	return nodes, err
}

func TestWhatIsRememberedOfFeedsIsAskedOnceAMinute(t *testing.T) {
	p := newPlace(t)
	asked := 0
	feeds := Remembered(func(context.Context, *records.Door) ([]Feed, error) {
		asked++
		if asked == 1 {
			return nil, errors.New("away")
		}
		return []Feed{{Name: alerts.Still}}, nil
	})
	if _, err := feeds(t.Context(), p.door); err == nil {
		t.Error("an error is remembered as nothing")
	}
	for range 3 {
		if all, err := feeds(t.Context(), p.door); err != nil || len(all) != 1 {
			t.Error(all, err)
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}
