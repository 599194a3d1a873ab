package records_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestAnExplanationTellsARestrictedSessionNothingOfOthers(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		policy := records.DefaultPolicy()
		policy.Explain = true
		d := db.door(t, policy)
		whole := d.Session(records.Principal{}, nil)
		for i := range 7 {
			patient(t, whole, fmt.Sprint("p", i))
		}
		req := records.SearchRequest{Type: "Patient", Pairs: pairs(t, "family=example")}
		seen := must(whole.Explain(t.Context(), req))(t)
		if len(seen.Steps) != 1 || seen.Restricted || len(seen.Kinds) != 1 || seen.Kinds[0].Count != 7 {
			t.Errorf("without a filter: %+v", seen)
		}
		own := must(d.Session(records.Principal{}, only{search.IDs{"p3"}}).Explain(t.Context(), req))(t)
		if !own.Restricted || len(own.Steps) != 0 || own.Plan != 0 {
			t.Errorf("with a filter: %+v", own)
		}
		if len(own.Kinds) != 1 || own.Kinds[0].Count != 1 || own.Access.Text != `id is "p3"` {
			t.Errorf("with a filter: %d kinds, access %q", len(own.Kinds), own.Access.Text)
		}
		for _, n := range []string{"p0", "p6", "7"} {
			if strings.Contains(fmt.Sprintf("%+v %+v %+v", own.Query, own.Access, own.Kinds), n) {
				t.Errorf("%s is told", n)
			}
		}
		_, err := db.session(t, records.DefaultPolicy()).Explain(t.Context(), req)
		refused(t, err, fault.Forbidden, "_explain is not allowed")
	})
}

func TestAnExplanationNamesTheRulesAndNoDecisionOfAPatient(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		policy := records.DefaultPolicy()
		policy.Explain = true
		d := db.door(t, policy)
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		patient(t, s, "p")
		explain := func() string {
			x := must(clinician(t, d).Explain(t.Context(), records.SearchRequest{Type: "Goal"}))(t)
			if len(x.Steps) > 0 || !x.Restricted {
				t.Errorf("what the database did is told: %+v", x.Steps)
			}
			return fmt.Sprintf("%+v %s", x.Access, strings.Join(x.Rules, " "))
		}
		before := explain()
		if want := "Scopes: user/*.cruds. Consents: what patients decided counts for the asker, whose purpose is TREAT. Where none decides, data is shown."; !strings.Contains(before, want) {
			t.Error(before)
		}
		consents(t, s, "c", "p", `{"type":"permit","provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Goal"}],"data":[{"meaning":"instance","reference":{"reference":"Patient/p"}}]}]}`)
		if after := explain(); after != before {
			t.Errorf("a patient's decision is told:\n%s\nand before:\n%s", after, before)
		}
	})
}
