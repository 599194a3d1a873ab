package records_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestRetentionRulesExpungeWhatIsOldAndFree(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		for _, p := range []string{"p", "held"} {
			patient(t, s, p)
		}
		old := func(id, patient, date string) {
			put(t, s, "Observation/"+id, `{"resourceType":"Observation","id":%q,"status":"cancelled","code":{"text":"x"},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q}`, id, patient, date)
		}
		for n := range 3 {
			old(fmt.Sprint("old", n), "p", "2010-01-01")
		}
		old("new", "p", time.Now().Format(time.DateOnly))
		old("kept", "held", "2010-01-01")
		old("referred", "p", "2010-01-01")
		observation(t, s, "undated", "Patient/p")
		put(t, s, "Provenance/v", `{"resourceType":"Provenance","id":"v","target":[{"reference":"Observation/referred"}],"recorded":"2024-05-01T12:00:00Z","agent":[{"who":{"display":"x"}}]}`)
		must(s.SetHold(t.Context(), key("Patient/held"), "a case"))(t)

		rule := records.RetentionRule{Name: "cancelled", Type: "Observation", Filter: "status=cancelled", By: "date", Days: 3650}
		for text, change := range map[string]func(*records.RetentionRule){
			"has a name":             func(r *records.RetentionRule) { r.Name = "" },
			"is not a resource type": func(r *records.RetentionRule) { r.Type = "Observance" },
			"no rule is for Patient": func(r *records.RetentionRule) { r.Type = "Patient" },
			"age in days":            func(r *records.RetentionRule) { r.Days = 0 },
			"colour":                 func(r *records.RetentionRule) { r.Filter = "colour=red" },
			"nothing":                func(r *records.RetentionRule) { r.By = "nothing" },
		} {
			wrong := rule
			change(&wrong)
			err := s.SetRetention(t.Context(), []records.RetentionRule{wrong})
			refused(t, err, fault.Unprocessable, "rule 1", text)
		}
		refused(t, inRole(t, d, "practitioner", "user/*.cruds").SetRetention(t.Context(), nil), fault.Forbidden, `the operation "retain"`)
		privacy := inRole(t, d, "privacy-officer", "user/*.cruds")
		if err := privacy.SetRetention(t.Context(), []records.RetentionRule{rule, {Name: "recent", Type: "Observation", Days: 1}}); err != nil {
			t.Fatal(err)
		}
		want := "[{cancelled 3 0 1 1} {recent 0 0 0 0}]"
		if got := fmt.Sprint(must(privacy.RetentionDryRun(t.Context()))(t)); got != want {
			t.Errorf("dry: %s", got)
		}
		if n := count(t, s, "Observation", "status=cancelled"); n != 6 {
			t.Errorf("a dry run left %d", n)
		}
		id := must(privacy.ApplyRetention(t.Context()))(t)
		working(t, d)
		for range 400 {
			counts, ended, err := privacy.RetentionResult(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if ended {
				if got := fmt.Sprint(counts); got != "[{cancelled 3 3 1 1} {recent 0 0 0 0}]" {
					t.Error(got)
				}
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if got := found(t, s, "Observation", "_sort=_id"); got != "Observation/kept Observation/new Observation/referred Observation/undated" {
			t.Error(got)
		}
		_, err := s.Read(t.Context(), key("Observation/old0"), records.ReadOptions{})
		refused(t, err, fault.NotFound)
	})
}
