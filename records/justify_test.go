package records_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// nurse is a session of Practitioner/dr with the role nurse, for treatment.
func nurse(t testing.TB, d *records.Door) *records.Session {
	t.Helper()
	g := access.Grant{Scopes: smart.Scopes{"user/Observation.rs", "user/*.cruds"}, User: key("Practitioner/dr")}
	g.Asker = access.Asker{Actors: []string{"Practitioner/dr"}, Purpose: "TREAT"}
	for _, r := range access.ShippedRoles() {
		if r.Name == "nurse" {
			g.Asker.Roles = append(g.Asker.Roles, r)
		}
	}
	rules, err := d.Rules(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return d.Session(records.Principal{ID: "dr"}, rules)
}

func TestAnEventNamesTheScopeTheRuleAndTheConsentsThatCounted(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{Expunge: true})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		put(t, s, "Practitioner/else", `{"resourceType":"Practitioner","id":"else"}`)
		for _, p := range []string{"p", "q", "r"} {
			patient(t, s, p)
			observation(t, s, "o-"+p, "Patient/"+p)
		}
		event := func(kind audit.Kind, status int, patients ...string) *audit.Event {
			e := &audit.Event{Kind: kind, Status: status, Target: "Observation"}
			for _, p := range patients {
				e.Patients = append(e.Patients, audit.Patient{Key: "Patient/" + p, Entities: []audit.Entity{{Action: audit.Reads, Key: "Observation/o-" + p, Version: 1}}})
			}
			return e
		}
		justified := func(e *audit.Event, asked fhir.Type) *audit.Event {
			t.Helper()
			nurse(t, d).Justify(t.Context(), e, asked)
			return e
		}
		why := []string{"user/Observation.rs", "user/*.cruds", "role nurse rules[0]"}
		e := justified(event(audit.Search, 200, "p", "q"), "Observation")
		if diff := cmp.Diff(why, e.Why); diff != "" || e.Consents != nil {
			t.Errorf("without consents: %s %v", diff, e.Consents)
		}
		consents(t, s, "p1", "p", permit)
		consents(t, s, "p2", "p", `{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HRESCH"}]}`) // for another purpose
		consents(t, s, "q1", "q", `{"type":"permit","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Condition"}]}`)                // about another type
		consents(t, s, "r1", "r", denyAll)
		consents(t, s, "p1", "p", `{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"text":"recipient"},"reference":{"reference":"Practitioner/else"}}]}]}`)
		e = justified(event(audit.Search, 200, "p", "q"), "Observation")
		if diff := cmp.Diff([]audit.Counted{{Patient: "Patient/p", Consent: "Consent/p1", Version: 2}}, e.Consents); diff != "" {
			t.Error(diff)
		}
		// One that becomes another patient's counts for that one alone.
		consents(t, s, "p1", "q", permit)
		e = justified(event(audit.Search, 200, "p", "q"), "Observation")
		if diff := cmp.Diff([]audit.Counted{{Patient: "Patient/q", Consent: "Consent/p1", Version: 3}}, e.Consents); diff != "" {
			t.Error(diff)
		}
		consents(t, s, "p1", "p", permit)
		e = justified(event(audit.Search, 200, "q", "p"), "Observation")
		if diff := cmp.Diff([]audit.Counted{{Patient: "Patient/p", Consent: "Consent/p1", Version: 4}}, e.Consents); diff != "" {
			t.Error(diff)
		}
		// One that was revoked counts no more.
		if _, err := s.Delete(t.Context(), key("Consent/p1"), records.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if e = justified(event(audit.Search, 200, "p"), "Observation"); e.Consents != nil {
			t.Errorf("after it was revoked: %v", e.Consents)
		}
		refused := &audit.Event{Kind: audit.Delete, Status: 403, Target: "Observation/o-p", Why: []string{records.InsufficientScope}}
		if diff := cmp.Diff([]string{records.InsufficientScope, "no rule of role nurse"}, justified(refused, "Observation").Why); diff != "" {
			t.Error(diff)
		}
		hiding := func() audit.Hidden {
			t.Helper()
			h, err := nurse(t, d).Hiding(t.Context(), key("Observation/o-r"))
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		want := audit.Hidden{Key: "Observation/o-r", By: []string{"Consent/r1"}, Patients: []string{"Patient/r"}}
		if diff := cmp.Diff(want, hiding()); diff != "" {
			t.Error(diff)
		}
		// It is looked at after the answer, and may be deleted by then, or gone.
		if _, err := s.Delete(t.Context(), key("Observation/o-r"), records.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, hiding()); diff != "" {
			t.Errorf("deleted: %s", diff)
		}
		if _, err := s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Observation/o-r"), Deleted: true}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(audit.Hidden{Key: "Observation/o-r"}, hiding()); diff != "" {
			t.Errorf("expunged: %s", diff)
		}
	})
}
