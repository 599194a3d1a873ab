package records_test

import (
	"net/http"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// inRole is a session of a user with a shipped role and scopes.
func inRole(t testing.TB, d *records.Door, role, scopes string) *records.Session {
	t.Helper()
	asker := access.Asker{Purpose: "HOPERAT", Roles: []access.Role{}}
	for _, r := range access.ShippedRoles() {
		if r.Name == role {
			asker.Roles = append(asker.Roles, r)
		}
	}
	rules := must(d.Rules(t.Context(), access.Grant{Scopes: must(smart.ParseScopes(scopes))(t), User: key("Practitioner/p"), Asker: asker}))(t)
	return d.Session(records.Principal{ID: role, Name: "Ms " + role}, rules)
}

func TestNothingHeldIsDeletedOrExpunged(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{Expunge: true})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "p")
		patient(t, s, "q")
		observation(t, s, "moved", "Patient/p")
		observation(t, s, "moved", "Patient/q")
		observation(t, s, "own", "Patient/p")
		observation(t, s, "free", "Patient/q")
		put(t, s, "Provenance/about", `{"resourceType":"Provenance","id":"about","target":[{"reference":"Observation/own"}],"recorded":"2024-05-01T12:00:00Z","agent":[{"who":{"display":"x"}}]}`)

		privacy := inRole(t, d, "privacy-officer", "user/*.cruds")
		h, err := privacy.SetHold(t.Context(), key("Patient/p"), "Example v. Example")
		if err != nil || h.By != "Ms privacy-officer" || h.Since.IsZero() {
			t.Fatal(h, err)
		}
		_, err = privacy.SetHold(t.Context(), key("Patient/p"), "again")
		refused(t, err, fault.Conflict, "Patient/p is held already")

		remove := func(s *records.Session, reference string) error {
			_, err := s.Delete(t.Context(), key(reference), records.DeleteOptions{})
			return err
		}
		refused(t, remove(s, "Observation/own"), fault.Conflict, "legal hold of Patient/p", "Ms privacy-officer", "Example v. Example")
		refused(t, remove(s, "Provenance/about"), fault.Conflict, "legal hold of Patient/p")
		refused(t, remove(s, "Observation/moved"), fault.Conflict, "legal hold of Patient/p")
		refused(t, remove(inRole(t, d, "practitioner", "user/*.cruds"), "Observation/own"), fault.Conflict, "ask the privacy officer")
		_, err = s.Bundle(t.Context(), body(`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Observation/free"}},{"request":{"method":"DELETE","url":"Observation/own"}}]}`), records.BundleOptions{})
		refused(t, err, fault.Conflict, "legal hold of Patient/p")
		_, err = s.DeleteWhere(t.Context(), "Observation", pairs(t, "_id=own"), records.DeleteOptions{})
		refused(t, err, fault.Conflict, "legal hold")
		// A version that was the patient's is held, too; and everything is when all is to go.
		for _, r := range []records.ExpungeRequest{
			{Key: key("Observation/moved"), OldVersions: true}, {Key: key("Observation/own"), OldVersions: true}, {Key: key("Provenance/about"), Everything: true},
		} {
			_, err := s.Expunge(t.Context(), r)
			refused(t, err, fault.Conflict, "legal hold of Patient/p")
		}
		_, err = s.Expunge(t.Context(), records.ExpungeRequest{Deleted: true})
		refused(t, err, fault.Conflict, "there are legal holds")

		// What is not held goes, and what is held can be changed.
		if err := remove(s, "Observation/free"); err != nil {
			t.Error(err)
		}
		must(s.Expunge(t.Context(), records.ExpungeRequest{Key: key("Observation/free"), Deleted: true}))(t)
		put(t, s, "Observation/own", `{"resourceType":"Observation","id":"own","status":"amended","code":{"text":"weight"},"subject":{"reference":"Patient/p"}}`)

		if err := privacy.LiftHold(t.Context(), key("Patient/p")); err != nil {
			t.Fatal(err)
		}
		refused(t, privacy.LiftHold(t.Context(), key("Patient/p")), fault.NotFound, "not held")
		must(s.SetHold(t.Context(), key("Observation/own"), "a single one"))(t)
		refused(t, remove(s, "Observation/own"), fault.Conflict, "a single one")
		if holds := must(privacy.Holds(t.Context(), "", 10))(t); len(holds) != 1 || holds[0].Key != key("Observation/own") || holds[0].Reason != "a single one" {
			t.Errorf("%+v", holds)
		}
		if err := remove(s, "Provenance/about"); err != nil {
			t.Error(err)
		}
	})
}

func TestHoldsAreForPrivacyOfficers(t *testing.T) {
	d := newDatabase(t, "sqlite").door(t, records.Policy{})
	patient(t, d.Session(records.Principal{}, nil), "p")
	for _, s := range []*records.Session{
		inRole(t, d, "practitioner", "user/*.cruds"), inRole(t, d, "privacy-officer", "user/Patient.rs"),
		inRole(t, d, "privacy-officer", "patient/*.cruds"), inRole(t, d, "front-desk", "system/*.cruds"),
	} {
		_, err := s.SetHold(t.Context(), key("Patient/p"), "no")
		refused(t, err, fault.Forbidden, `the operation "hold"`)
		refused(t, s.LiftHold(t.Context(), key("Patient/p")), fault.Forbidden)
	}
	privacy := inRole(t, d, "privacy-officer", "user/Patient.ru")
	_, err := privacy.SetHold(t.Context(), key("Patient/none"), "x")
	refused(t, err, fault.NotFound)
	_, err = privacy.SetHold(t.Context(), key("Patient/p"), " ")
	refused(t, err, fault.Invalid, "has a reason")
	must(privacy.SetHold(t.Context(), key("Patient/p"), "x"))(t)
}

// A hold that another process sets holds at the next delete here.
func TestAHoldAndADeleteThatRaceNeverBothSucceed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d, other := db.door(t, records.Policy{}), db.door(t, records.Policy{})
		s, o := d.Session(records.Principal{}, nil), other.Session(records.Principal{ID: "officer"}, nil)
		patient(t, s, "p")
		for n := range 20 {
			observation(t, s, "o", "Patient/p")
			deleted := make(chan error)
			go func() {
				_, err := s.Delete(t.Context(), key("Observation/o"), records.DeleteOptions{})
				deleted <- err
			}()
			must(o.SetHold(t.Context(), key("Patient/p"), "race"))(t)
			r, err := o.Read(t.Context(), key("Observation/o"), records.ReadOptions{})
			gone := fault.KindOf(err) == fault.Gone
			if err != nil && !gone {
				t.Fatal(err)
			}
			if err := <-deleted; (err == nil) != gone {
				t.Fatalf("round %d: after the hold there was %s version %d (%v), and the delete said %v", n, http.MethodGet, r.Version, gone, err)
			}
			if err := o.LiftHold(t.Context(), key("Patient/p")); err != nil {
				t.Fatal(err)
			}
		}
	})
}
