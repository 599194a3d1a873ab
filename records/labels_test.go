package records_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
)

const sensitiveCondition = `{"resourceType":"Condition","id":%q,"subject":{"reference":"Patient/p"},"code":{"coding":[{"system":"http://snomed.info/sct","code":%q}]}}`

const (
	hiv    = "86406008"
	opioid = "75544000"
	flu    = "6142004"
)

func TestWhatIsWrittenIsLabelledInEveryWayOfWriting(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		created := must(s.Create(t.Context(), "Condition", body(sensitiveCondition, "x", hiv), records.CreateOptions{}))(t)
		if !contains(created.JSON, `"HIV"`) || !contains(created.JSON, label.Classifier) {
			t.Errorf("%s", created.JSON)
		}
		put(t, s, "Condition/put", sensitiveCondition, "put", flu)
		if n := count(t, s, "Condition", "_security=HIV"); n != 1 {
			t.Errorf("%d found by the label", n)
		}
		put(t, s, "Condition/put", sensitiveCondition, "put", hiv)
		patched := must(s.Patch(t.Context(), key("Condition/put"), records.PatchContent{Format: records.JSONPatch,
			Body: fmt.Appendf(nil, `[{"op":"replace","path":"/code/coding/0/code","value":%q}]`, opioid)}, records.UpdateOptions{}))(t)
		if contains(patched.JSON, `"HIV"`) || !contains(patched.JSON, `"OPIOIDUD"`) {
			t.Errorf("%s", patched.JSON)
		}
		bundle := fmt.Sprintf(`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Condition/t"},"resource":`+sensitiveCondition+`}]}`, "t", hiv)
		if _, err := s.Bundle(t.Context(), body("%s", bundle), records.BundleOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, l := range must(s.Load(t.Context(), []records.Content{body(sensitiveCondition, "l", hiv)}, records.LoadOptions{}))(t) {
			if l.Err != nil {
				t.Fatal(l.Err)
			}
		}
		if got := found(t, s, "Condition", "_security=HIV&_id=t,l&_sort=_id"); got != "Condition/l Condition/t" {
			t.Errorf("%s", got)
		}
	})
}

func TestAPutOfWhatWasReadIsUnchangedAndLabelsCannotBeTakenAway(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		first := put(t, s, "Condition/c", sensitiveCondition, "c", hiv)
		again := put(t, s, "Condition/c", "%s", first.JSON)
		if !again.Unchanged {
			t.Errorf("%s", again.JSON)
		}
		if sent := put(t, s, "Condition/c", sensitiveCondition, "c", hiv); !sent.Unchanged {
			t.Errorf("what was sent first: %s", sent.JSON)
		}
		res := must(s.MetaDelete(t.Context(), key("Condition/c"), metaOf(t, `{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}`), records.UpdateOptions{}))(t)
		if !res.Unchanged || !contains(res.JSON, `"HIV"`) {
			t.Errorf("%s", res.JSON)
		}
		if other := put(t, s, "Condition/c", sensitiveCondition, "c", flu); contains(other.JSON, "security") {
			t.Errorf("%s", other.JSON)
		}
	})
}

// relabel does the work that rules ask for.
func relabel(t testing.TB, d *records.Door, note func(records.RelabelProgress) error) error {
	t.Helper()
	return jobs.Do(t.Context(), jobs.Config{Store: d.Jobs(), Lease: time.Minute, Poll: time.Millisecond}, jobs.Job{ID: records.RelabelJob, Kind: records.RelabelJob},
		func(ctx context.Context, w *jobs.Work) error { return d.Relabel(ctx, w, note) }, nil)
}

func TestOtherRulesHoldAtOnceAndWhatIsThereIsLabelledAnew(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		other := d
		if db.name == "postgres" {
			other = db.door(t, records.Policy{})
		}
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		for n := range 250 {
			put(t, s, fmt.Sprintf("Condition/c%d", n), sensitiveCondition, fmt.Sprintf("c%d", n), []string{flu, hiv}[n%2])
		}
		rules := label.Rules{Rules: []label.Rule{{Name: "flu", Labels: []string{"MH"}, Codes: map[string][]string{"http://snomed.info/sct": {flu}}}}}
		if err := d.SetLabeling(t.Context(), &rules); err != nil {
			t.Fatal(err)
		}
		late := put(t, other.Session(records.Principal{}, nil), "Condition/late", sensitiveCondition, "late", flu)
		if !contains(late.JSON, `"MH"`) {
			t.Errorf("another process writes by the former rules: %s", late.JSON)
		}
		if l := must(d.Labeling(t.Context()))(t); !l.Pending || l.Shipped {
			t.Errorf("%+v", l)
		}
		stop := fmt.Errorf("stopped")
		if err := relabel(t, d, func(p records.RelabelProgress) error { return stop }); err == nil {
			t.Fatal("it was not stopped")
		}
		if err := relabel(t, other, func(records.RelabelProgress) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if hiv, mh := count(t, s, "Condition", "_security=HIV"), count(t, s, "Condition", "_security=MH"); hiv != 0 || mh != 126 {
			t.Errorf("%d HIV, %d MH", hiv, mh)
		}
		l := must(d.Labeling(t.Context()))(t)
		if l.Pending || l.Progress.Changed != 250 || l.Progress.Refused != 0 {
			t.Errorf("%+v", l.Progress)
		}
		history := must(s.History(t.Context(), records.HistoryRequest{Type: "Condition", ID: "c1"}))(t)
		if len(history.Entries) != 2 || history.Entries[0].Method != "PATCH" || !contains(history.Entries[1].JSON, "HIV") {
			t.Errorf("%d versions", len(history.Entries))
		}
		if late := must(s.Read(t.Context(), key("Condition/late"), records.ReadOptions{}))(t); late.Version != 1 {
			t.Errorf("what was labelled when it was written has version %d", late.Version)
		}
		if err := d.SetLabeling(t.Context(), &rules); err != nil {
			t.Fatal(err)
		}
		if l := must(d.Labeling(t.Context()))(t); l.Pending {
			t.Error("the same rules have everything walked again")
		}
		if err := d.SetLabeling(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := relabel(t, d, func(records.RelabelProgress) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if hiv, mh := count(t, s, "Condition", "_security=HIV"), count(t, s, "Condition", "_security=MH"); hiv != 125 || mh != 0 {
			t.Errorf("with the shipped rules again: %d HIV, %d MH", hiv, mh)
		}
	})
}

func TestAValueSetThatChangesHasResourcesLabelledAnewInTheBackground(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		put(t, s, "Condition/a", sensitiveCondition, "a", flu)
		put(t, s, "Condition/b", sensitiveCondition, "b", hiv)
		rules := label.Rules{Rules: []label.Rule{{Name: "stored", Labels: []string{"SDV"}, Confidentiality: "V", ValueSets: []string{"http://vs.example/sensitive"}}}}
		if err := d.SetLabeling(t.Context(), &rules); err != nil {
			t.Fatal(err)
		}
		if l := must(d.Labeling(t.Context()))(t); len(l.Problems) != 1 || !strings.Contains(l.Problems["http://vs.example/sensitive"], "sensitive") {
			t.Errorf("%v", l.Problems)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Work(ctx) }()
		codes := func(code string) {
			put(t, s, "ValueSet/v", `{"resourceType":"ValueSet","id":"v","url":"http://vs.example/sensitive","status":"active","compose":{"include":[{"system":"http://snomed.info/sct","concept":[{"code":%q}]}]}}`, code)
		}
		for _, c := range []struct{ code, want string }{{flu, "Condition/a"}, {hiv, "Condition/b"}} {
			codes(c.code)
			deadline := time.Now().Add(time.Minute)
			for found(t, s, "Condition", "_security=SDV") != c.want {
				if time.Now().After(deadline) {
					t.Fatalf("%s: %s", c.code, found(t, s, "Condition", "_security=SDV"))
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestASealedLabelHidesWhatWasLabelledByItsCode(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		patient(t, s, "p")
		put(t, s, "Condition/a", sensitiveCondition, "a", opioid)
		put(t, s, "Condition/b", sensitiveCondition, "b", hiv)
		if got := found(t, clinician(t, d), "Condition", ""); got != "Condition/b" {
			t.Errorf("%s", got)
		}
		consents(t, s, "c", "p", `{"type":"permit","provision":[{"type":"permit","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}]},
			{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}]}`)
		if got := found(t, clinician(t, d), "Condition", ""); got != "Condition/a" {
			t.Errorf("%s", got)
		}
	})
}
