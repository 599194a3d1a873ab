package records_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestWhatAClientWroteIsWhatItReadsBack(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		res := must(s.Create(t.Context(), "Observation", body(`{"resourceType":"Observation","status":"final","valueQuantity":{"unit":"kg","value":1.50},
			"code":{"text":"a \"b\" ü"},"meta":{"tag":[{"code":"x"}],"profile":["http://example.org/p"]},"id":"ignored"}`), records.CreateOptions{}))(t)
		if !res.Created || res.Version != 1 || res.Key.ID == "ignored" || !res.Key.ID.Valid() {
			t.Fatalf("created %v version %d as %s", res.Created, res.Version, res.Key)
		}
		got := must(s.Read(t.Context(), res.Key, records.ReadOptions{}))(t)
		if !bytes.Equal(got.JSON, res.JSON) {
			t.Fatalf("read  %s\nwrote %s", got.JSON, res.JSON)
		}
		want := fmt.Sprintf(`{"resourceType":"Observation","status":"final","valueQuantity":{"unit":"kg","value":1.50},"code":{"text":"a \"b\" ü"},`+
			`"meta":{"versionId":"1","lastUpdated":%q,"tag":[{"code":"x"}],"profile":["http://example.org/p"]},"id":%q}`,
			res.Updated.Format("2006-01-02T15:04:05.000Z"), res.Key.ID)
		if string(got.JSON) != want {
			t.Fatalf("read %s\nwant %s", got.JSON, want)
		}
	})
}

func TestAResourceThatNeverWasIsNotFoundAndADeletedOneIsGone(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		_, err := s.Read(t.Context(), key("Patient/none"), records.ReadOptions{})
		refused(t, err, fault.NotFound, "Patient/none")
		patient(t, s, "p")
		del := must(s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{}))(t)
		if !del.Existed || del.Version != 2 {
			t.Fatalf("delete: %+v", del)
		}
		res, err := s.Read(t.Context(), key("Patient/p"), records.ReadOptions{})
		refused(t, err, fault.Gone, "version 2")
		if res.Version != 2 || !res.Deleted {
			t.Fatalf("the gone resource tells %+v", res)
		}
		if again := must(s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{}))(t); again.Existed {
			t.Fatal("it was deleted twice")
		}
		if v1 := must(s.VRead(t.Context(), key("Patient/p"), "1", records.ReadOptions{}))(t); v1.Version != 1 || v1.JSON == nil {
			t.Fatalf("version 1: %+v", v1)
		}
		_, err = s.VRead(t.Context(), key("Patient/p"), "2", records.ReadOptions{})
		refused(t, err, fault.Gone)
		for _, v := range []string{"3", "0", "01", "x", "-1"} {
			_, err = s.VRead(t.Context(), key("Patient/p"), v, records.ReadOptions{})
			refused(t, err, fault.NotFound, v)
		}
		if back := patient(t, s, "p"); !back.Created || back.Version != 3 {
			t.Fatalf("brought back: created %v version %d", back.Created, back.Version)
		}
	})
}

func TestAReadIsNotModifiedWhileTheClientsCopyIsCurrent(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		res := patient(t, s, "p")
		for name, tc := range map[string]struct {
			o    records.ReadOptions
			want bool
		}{
			"the same version":    {records.ReadOptions{IfNoneMatch: []string{"1"}}, true},
			"any version":         {records.ReadOptions{IfNoneMatch: []string{"*"}}, true},
			"another version":     {records.ReadOptions{IfNoneMatch: []string{"7"}}, false},
			"since the write":     {records.ReadOptions{IfModifiedSince: res.Updated}, true},
			"since an hour ago":   {records.ReadOptions{IfModifiedSince: res.Updated.Add(-time.Hour)}, false},
			"the version decides": {records.ReadOptions{IfNoneMatch: []string{"7"}, IfModifiedSince: res.Updated}, false},
		} {
			got := must(s.Read(t.Context(), res.Key, tc.o))(t)
			if got.NotModified != tc.want || (got.JSON == nil) != tc.want {
				t.Errorf("%s: not modified %v, want %v", name, got.NotModified, tc.want)
			}
		}
	})
}

func TestAnUpdateThatChangesNothingKeepsTheVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		if res := patient(t, s, "p"); !res.Unchanged || res.Version != 1 || res.Created {
			t.Fatalf("again: %+v", res.Resource)
		}
		stored := must(s.Read(t.Context(), key("Patient/p"), records.ReadOptions{}))(t)
		if res := put(t, s, "Patient/p", "%s", stored.JSON); !res.Unchanged {
			t.Fatal("what was read and sent back made a version")
		}
		if res := put(t, s, "Patient/p", `{"resourceType":"Patient","id":"p","active":true}`); res.Unchanged || res.Version != 2 {
			t.Fatalf("a change: %+v", res.Resource)
		}
	})
}

func TestTheIdInTheBodyMustBeTheUrls(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for content, part := range map[string]string{
			`{"resourceType":"Patient","id":"b"}`:     `"b"`,
			`{"resourceType":"Patient"}`:              "must carry its id",
			`{"resourceType":"Observation","id":"a"}`: "Observation",
		} {
			_, err := s.Update(t.Context(), key("Patient/a"), body("%s", content), records.UpdateOptions{})
			refused(t, err, fault.Invalid, part)
		}
		_, err := s.Update(t.Context(), key("Patient/"+strings.Repeat("a", 65)), body(`{"resourceType":"Patient","id":"b"}`), records.UpdateOptions{})
		refused(t, err, fault.Invalid)
	})
}

func TestPolicyMayKeepIdsToTheServer(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{ClientIDs: records.ServerChooses})
		_, err := s.Update(t.Context(), key("Patient/a"), body(`{"resourceType":"Patient","id":"a"}`), records.UpdateOptions{})
		refused(t, err, fault.MethodNotAllowed, "POST")
		res := must(s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{}))(t)
		if up := put(t, s, res.Key.String(), `{"resourceType":"Patient","id":%q,"active":true}`, res.Key.ID); up.Version != 2 {
			t.Fatalf("version %d", up.Version)
		}
	})
}

func TestPreconditionsGuardAgainstLostUpdates(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		update := func(content string, p records.Precondition) error {
			_, err := s.Update(t.Context(), key("Patient/p"), body("%s", content), records.UpdateOptions{Precondition: p})
			return err
		}
		v := `{"resourceType":"Patient","id":"p","active":true}`
		refused(t, update(v, records.Precondition{IfMatch: []string{"1"}}), fault.PreconditionFailed, "does not exist")
		if err := update(v, records.Precondition{IfNoneMatch: "*"}); err != nil {
			t.Fatal(err)
		}
		refused(t, update(v, records.Precondition{IfNoneMatch: "*"}), fault.PreconditionFailed, "exists already")
		refused(t, update(v, records.Precondition{IfMatch: []string{"2"}}), fault.PreconditionFailed, "version 1")
		_, err := s.Delete(t.Context(), key("Patient/p"), records.DeleteOptions{Precondition: records.Precondition{IfMatch: []string{"9"}}})
		refused(t, err, fault.PreconditionFailed)

		other := db.session(t, records.Policy{})
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				by := []*records.Session{s, other}[i%2]
				_, err := by.Update(t.Context(), key("Patient/p"), body(`{"resourceType":"Patient","id":"p","name":[{"family":"N%d"}]}`, i),
					records.UpdateOptions{Precondition: records.Precondition{IfMatch: []string{"1"}}})
				switch {
				case err == nil:
					won.Add(1)
				case fault.KindOf(err) == fault.PreconditionFailed:
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 19 {
			t.Fatalf("%d updates of version 1 won and %d lost", won.Load(), lost.Load())
		}
	})
}

func TestConcurrentPatchesAllTakeEffect(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		put(t, one, "Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"First"}]}`)
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				s := []*records.Session{one, two}[i%2]
				_, err := s.Patch(t.Context(), key("Patient/p"), records.PatchContent{Format: records.JSONPatch,
					Body: fmt.Appendf(nil, `[{"op":"add","path":"/name/-","value":{"family":"F%d"}}]`, i)}, records.UpdateOptions{})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got := must(one.Read(t.Context(), key("Patient/p"), records.ReadOptions{}))(t)
		if n := strings.Count(string(got.JSON), `"family"`); n != 11 || got.Version != 11 {
			t.Fatalf("%d names in version %d: %s", n, got.Version, got.JSON)
		}
		_, err := one.Patch(t.Context(), key("Patient/p"), records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/id","value":"q"}]`)}, records.UpdateOptions{})
		refused(t, err, fault.Unprocessable)
		_, err = one.Patch(t.Context(), key("Patient/none"), records.PatchContent{Format: records.JSONPatch, Body: []byte(`[]`)}, records.UpdateOptions{})
		refused(t, err, fault.NotFound)
	})
}

func TestParallelConditionalCreatesMakeOneResource(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		one, two := db.session(t, records.Policy{}), db.session(t, records.Policy{})
		var created, matched atomic.Int32
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				s := []*records.Session{one, two}[i%2]
				res, err := s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient","identifier":[{"system":"urn:s","value":"1"}]}`),
					records.CreateOptions{IfNoneExist: pairs(t, "identifier=urn:s|1")})
				switch {
				case err != nil:
					t.Error(err)
				case res.Created:
					created.Add(1)
				case res.Unchanged:
					matched.Add(1)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || matched.Load() != 49 || count(t, one, "Patient", "") != 1 {
			t.Fatalf("%d created, %d matched, %d there", created.Load(), matched.Load(), count(t, one, "Patient", ""))
		}
	})
}

func TestConditionalWritesNeedCriteriaThatAreUnderstood(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{LenientSearch: true})
		_, err := s.DeleteWhere(t.Context(), "Patient", pairs(t, "nme=x"), records.DeleteOptions{})
		refused(t, err, fault.Invalid, "nme")
		_, err = s.DeleteWhere(t.Context(), "Patient", pairs(t, ""), records.DeleteOptions{})
		refused(t, err, fault.PreconditionFailed, "criteria")
		_, err = s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient"}`), records.CreateOptions{IfNoneExist: pairs(t, "_sort=name")})
		refused(t, err, fault.PreconditionFailed)
	})
}

func TestConditionalUpdatePatchAndDeleteActOnTheMatch(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		where := pairs(t, "identifier=urn:s|1")
		content := `{"resourceType":"Patient","identifier":[{"system":"urn:s","value":"1"}],"active":%v}`
		_, err := s.PatchWhere(t.Context(), "Patient", where, records.PatchContent{Format: records.JSONPatch, Body: []byte(`[]`)}, records.UpdateOptions{})
		refused(t, err, fault.NotFound)
		first := must(s.UpdateWhere(t.Context(), "Patient", where, body(content, true), records.UpdateOptions{}))(t)
		if !first.Created {
			t.Fatal("no match did not create")
		}
		second := must(s.UpdateWhere(t.Context(), "Patient", where, body(content, false), records.UpdateOptions{}))(t)
		if second.Created || second.Key != first.Key || second.Version != 2 {
			t.Fatalf("one match: %+v", second.Resource)
		}
		_, err = s.UpdateWhere(t.Context(), "Patient", where, body(`{"resourceType":"Patient","id":"other"}`), records.UpdateOptions{})
		refused(t, err, fault.Invalid, "other")
		third := must(s.PatchWhere(t.Context(), "Patient", where, records.PatchContent{Format: records.JSONPatch,
			Body: []byte(`[{"op":"replace","path":"/active","value":true}]`)}, records.UpdateOptions{}))(t)
		if third.Version != 3 || !bytes.Contains(third.JSON, []byte(`"active":true`)) {
			t.Fatalf("patched: %s", third.JSON)
		}
		put(t, s, "Patient/two", `{"resourceType":"Patient","id":"two","identifier":[{"system":"urn:s","value":"1"}]}`)
		_, err = s.UpdateWhere(t.Context(), "Patient", where, body(content, true), records.UpdateOptions{})
		refused(t, err, fault.PreconditionFailed, "several")
		_, err = s.DeleteWhere(t.Context(), "Patient", where, records.DeleteOptions{})
		refused(t, err, fault.PreconditionFailed, "several")
		many := db.session(t, records.Policy{MultipleDelete: true})
		gone := must(many.DeleteWhere(t.Context(), "Patient", where, records.DeleteOptions{}))(t)
		if len(gone) != 2 || count(t, s, "Patient", "") != 0 {
			t.Fatalf("%d deleted, %d left", len(gone), count(t, s, "Patient", ""))
		}
		if none := must(many.DeleteWhere(t.Context(), "Patient", where, records.DeleteOptions{}))(t); len(none) != 0 {
			t.Fatal("something was deleted twice")
		}
	})
}

func TestMetaSourceFollowsPolicy(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		request := records.Request{ID: "r1", Source: "urn:sender"}
		for policy, want := range map[records.SourcePolicy][2]string{
			records.SourceKeep:    {"", "urn:client"},
			records.SourceFill:    {"urn:sender#r1", "urn:client"},
			records.SourceReplace: {"urn:sender#r1", "urn:sender#r1"},
		} {
			s := db.session(t, records.Policy{MetaSource: policy})
			for i, content := range []string{`{"resourceType":"Patient"}`, `{"resourceType":"Patient","meta":{"source":"urn:client"}}`} {
				res := must(s.Create(t.Context(), "Patient", body("%s", content), records.CreateOptions{Request: request}))(t)
				has := bytes.Contains(res.JSON, []byte(`"source":`))
				if want[i] == "" && has || want[i] != "" && !bytes.Contains(res.JSON, []byte(`"source":"`+want[i]+`"`)) {
					t.Errorf("policy %d: %s, want %q", policy, res.JSON, want[i])
				}
			}
		}
		s := db.session(t, records.Policy{MetaSource: records.SourceReplace})
		for i := range 2 {
			res := must(s.Update(t.Context(), key("Patient/s"), body(`{"resourceType":"Patient","id":"s"}`), records.UpdateOptions{Request: records.Request{ID: fmt.Sprint(i)}}))(t)
			if res.Version != 1 {
				t.Fatal("a request's id alone made a version")
			}
		}
	})
}

func TestASessionSeesAndWritesOnlyWhatItsFilterLetsPass(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "mine")
		patient(t, all, "other")
		observation(t, all, "o1", "Patient/mine")
		observation(t, all, "o2", "Patient/other")
		filter := must(door.Catalog("").CompartmentFilter("Patient", "mine", ""))(t)
		s := door.Session(records.Principal{}, only{filter})
		if got := found(t, s, "Observation", "_include=Observation:subject"); got != "Observation/o1 +Patient/mine" {
			t.Errorf("found %s", got)
		}
		if got := found(t, s, "Patient", "_revinclude=Observation:subject"); got != "Patient/mine +Observation/o1" {
			t.Errorf("found %s", got)
		}
		_, err := s.Read(t.Context(), key("Patient/other"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
		_, err = s.VRead(t.Context(), key("Patient/other"), "1", records.ReadOptions{})
		refused(t, err, fault.NotFound)
		_, err = s.History(t.Context(), records.HistoryRequest{Type: "Patient", ID: "other"})
		refused(t, err, fault.NotFound)
		history := must(s.History(t.Context(), records.HistoryRequest{}))(t)
		for _, e := range history.Entries {
			if e.Key == key("Patient/other") || e.Key == key("Observation/o2") {
				t.Errorf("history leaks %s", e.Key)
			}
		}
		_, err = s.Update(t.Context(), key("Observation/o2"), body(`{"resourceType":"Observation","id":"o2","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/mine"}}`), records.UpdateOptions{})
		refused(t, err, fault.Forbidden)
		_, err = s.Create(t.Context(), "Observation", body(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/other"}}`), records.CreateOptions{})
		refused(t, err, fault.Forbidden)
		if _, err = s.Create(t.Context(), "Observation", body(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/mine"}}`), records.CreateOptions{}); err != nil {
			t.Error(err)
		}
		if res := must(s.Delete(t.Context(), key("Observation/o2"), records.DeleteOptions{}))(t); res.Existed {
			t.Error("deleted what it does not see")
		}
		changes, _, _, err := s.Changes(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if strings.HasSuffix(c.Key.String(), "o2") || strings.HasSuffix(c.Key.String(), "other") {
				t.Errorf("the feed leaks %s", c.Key)
			}
		}
	})
}

func TestAMalformedResourceIsRefusedWithItsPath(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		_, err := s.Create(t.Context(), "Patient", body(`{"resourceType":"Patient","nam":[]}`), records.CreateOptions{})
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || !strings.HasPrefix(e.Issues[0].Path, "Patient") || e.Issues[0].Line != 1 {
			t.Fatalf("%v", err)
		}
	})
}
