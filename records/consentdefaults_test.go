package records_test

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestTheDefaultsOfATenantHoldAtTheNextRequestOfEveryProcess(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		other := d
		if db.name == "postgres" {
			other = db.door(t, records.Policy{})
		}
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		patient(t, s, "p")
		for id, code := range map[string]string{"plain": "", "hiv": "HIV", "alcohol": "ETH"} {
			security := ""
			if code != "" {
				security = fmt.Sprintf(`"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":%q}]},`, code)
			}
			put(t, s, "Observation/"+id, `{"resourceType":"Observation","id":%q,%s"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}}`, id, security)
		}
		sees := func(when string, want int64) {
			t.Helper()
			for where, door := range map[string]*records.Door{"here": d, "elsewhere": other} {
				if n := count(t, clinician(t, door), "Observation", ""); n != want {
					t.Errorf("%s, %s: %d, want %d", when, where, n, want)
				}
			}
		}
		epoch := func() int64 { return must(db.open(t).Epoch(t.Context()))(t) }
		set := func(permit, sealed []string) {
			t.Helper()
			before := epoch()
			if err := s.SetConsentDefaults(t.Context(), access.Defaults{Permit: permit, Sealed: access.Labels(sealed)}); err != nil {
				t.Fatal(err)
			}
			if epoch() == before {
				t.Error("what processes remember of tokens stays")
			}
		}
		sees("on a new server", 2)
		set([]string{"TREAT"}, []string{"HIV", "ETH"})
		sees("with another label", 1)
		set([]string{"TREAT"}, nil)
		sees("without labels", 3)
		set([]string{"HRESCH"}, nil)
		sees("without treatment", 0)
		consents(t, s, "c", "p", permit)
		sees("what a consent shows", 3)
		if got := must(s.ConsentDefaults(t.Context()))(t); fmt.Sprint(got) != "{[HRESCH] []}" {
			t.Error(got)
		}
		if err := s.ResetConsentDefaults(t.Context()); err != nil {
			t.Fatal(err)
		}
		sees("as on a new server", 2)
	})
}

func TestWhoSaysWhatHoldsWhereNoConsentDecides(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		for _, who := range []struct {
			role, scopes string
			may          bool
		}{
			{"privacy-officer", "user/*.cruds", true}, {"privacy-officer", "user/Patient.cruds", false},
			{"privacy-officer", "patient/*.cruds", false}, {"practitioner", "user/*.cruds", false},
		} {
			s := inRole(t, d, who.role, who.scopes)
			if who.may {
				if err := s.SetConsentDefaults(t.Context(), access.Shipped()); err != nil {
					t.Error(who, err)
				}
				continue
			}
			refused(t, s.SetConsentDefaults(t.Context(), access.Shipped()), fault.Forbidden, "user/Consent.u")
			refused(t, s.ResetConsentDefaults(t.Context()), fault.Forbidden, "user/Consent.u")
			_, err := s.ConsentDefaults(t.Context())
			refused(t, err, fault.Forbidden, "user/Consent.r")
		}
		refused(t, d.Session(records.Principal{}, nil).SetConsentDefaults(t.Context(), access.Defaults{}), fault.Unprocessable, "it is missing")
	})
}
