package records_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestTheFeedMissesNothingWhileManyWrite(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		const writers, each = 8, 10
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		seen := map[fhir.Key]bool{}
		var last records.Seq
		var watcher sync.WaitGroup
		watcher.Go(func() {
			for c, err := range one.Watch(ctx, 0) {
				if err != nil {
					t.Error(err)
					return
				}
				if c.Seq <= last {
					t.Errorf("%d came after %d", c.Seq, last)
				}
				last = c.Seq
				if seen[c.Key] = true; len(seen) == writers*each {
					return
				}
			}
		})
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				s := []*records.Session{one, two}[w%2]
				for i := range each {
					patient(t, s, fmt.Sprintf("w%d-%d", w, i))
				}
			})
		}
		wg.Wait()
		watcher.Wait()
		if len(seen) != writers*each {
			t.Fatalf("%d of %d were seen", len(seen), writers*each)
		}
	})
}

func TestAReindexAccountsForEveryResourceAndResumes(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		s := door.Session(records.Principal{}, nil)
		const n = 1203
		contents := make([]records.Content, n)
		for i := range contents {
			contents[i] = body(`{"resourceType":"Patient","id":"p%d","active":true}`, i)
		}
		for i, l := range must(s.Load(t.Context(), contents, records.LoadOptions{}))(t) {
			if l.Err != nil || l.Version != 1 {
				t.Fatalf("%d: %+v", i, l)
			}
		}
		put(t, s, "Group/g", `{"resourceType":"Group","id":"g","type":"person","actual":true}`)
		stop := fmt.Errorf("stopped")
		p, err := door.Reindex(t.Context(), records.ReindexOptions{Progress: func(records.ReindexProgress) error { return stop }})
		if err == nil || p.Read == 0 || p.Done {
			t.Fatalf("%+v %v", p, err)
		}
		p = must(door.Reindex(t.Context(), records.ReindexOptions{From: p}))(t)
		if p.Read != n+1 || p.Written != n+1 || p.Skipped+p.Refused != 0 || !p.Done {
			t.Fatalf("%+v", p)
		}
		p = must(door.Reindex(t.Context(), records.ReindexOptions{Types: []fhir.Type{"Group", "Patient"}}))(t)
		if p.Read != n+1 || count(t, s, "Patient", "active=true") != n {
			t.Fatalf("%+v, %d found", p, count(t, s, "Patient", "active=true"))
		}
	})
}

func TestLoadAcceptsMatchesOrRefusesEachResource(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		put(t, s, "Practitioner/d", `{"resourceType":"Practitioner","id":"d","identifier":[{"value":"1"}]}`)
		obs := `{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"c"},"subject":{"reference":%q},"performer":[{"reference":%q}]}`
		lines := []records.Content{
			body(obs, "o1", "Patient/p", "Practitioner?identifier=1"), // refers ahead
			body(obs, "o2", "Patient/late", "Practitioner/d"),
			body(`{"resourceType":"Provenance","id":"v","recorded":"2026-01-01T00:00:00Z","target":[{"reference":"Observation/o2"}],"agent":[{"who":{"reference":"Patient/p"}}]}`),
			body(`{"resourceType":"Patient","id":"p"}`),
			body(`{"resourceType":"Patient","id":"p","active":true}`), // again, changed
			body(`{"resourceType":"Patient","id":"bad","nope":1}`),
			body(`{"resourceType":"Patient"}`),
			body(obs, "o3", "Patient/p", "Practitioner?identifier=none"),
		}
		again := make([]records.Content, len(lines))
		for i, l := range lines {
			again[i] = records.Content{JSON: append([]byte(nil), l.JSON...)}
		}
		got := must(s.Load(t.Context(), lines, records.LoadOptions{}))(t)
		for i, want := range []int64{1, 0, 0, 1, 2, 0, 1, 0} {
			if got[i].Version != want || (want == 0) != (got[i].Err != nil) {
				t.Errorf("line %d: %+v", i, got[i])
			}
		}
		if len(got[1].Missing) != 1 || got[1].Missing[0] != key("Patient/late") || len(got[2].Missing) != 1 {
			t.Errorf("missing: %v %v", got[1].Missing, got[2].Missing)
		}
		refused(t, got[7].Err, fault.Unprocessable, "Observation.performer[0].reference")
		if o1 := must(s.Read(t.Context(), key("Observation/o1"), records.ReadOptions{}))(t); !contains(o1.JSON, `"Practitioner/d"`) {
			t.Errorf("%s", o1.JSON)
		}
		got = must(s.Load(t.Context(), again[4:5], records.LoadOptions{}))(t)
		if !got[0].Matched || got[0].Version != 2 {
			t.Errorf("the same again: %+v", got[0])
		}
	})
}

func TestExpungeRemovesHistoryOnlyWherePolicyAllows(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","active":true}`)
		_, err := s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/p"), OldVersions: true})
		refused(t, err, fault.Forbidden)
		s = db.session(t, records.Policy{Expunge: true})
		_, err = s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/p")})
		refused(t, err, fault.Invalid)
		if n := must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/p"), OldVersions: true}))(t); n != 1 {
			t.Fatalf("%d versions went", n)
		}
		_, err = s.VRead(t.Context(), key("Patient/p"), "1", records.ReadOptions{})
		refused(t, err, fault.NotFound)
		observation(t, s, "o", "Patient/p")
		_, err = s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/p"), Everything: true})
		refused(t, err, fault.Conflict, "Observation/o")
		must(s.Delete(t.Context(), key("Observation/o"), records.DeleteOptions{}))(t)
		must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Patient/p"), Everything: true}))(t)
		_, err = s.Read(t.Context(), key("Patient/p"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
	})
}
