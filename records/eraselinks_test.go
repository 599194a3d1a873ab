package records_test

import (
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestUsersWhoAreAnErasedPatientAreUntied(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.Policy{})
		s := d.Session(records.Principal{ID: "tester"}, nil)
		patient(t, s, "gone")
		patient(t, s, "stays")
		put(t, s, "RelatedPerson/aunt", `{"resourceType":"RelatedPerson","id":"aunt","patient":{"reference":"Patient/gone"}}`)
		in := must(identity.Open(t.Context(), identity.Config{Store: db.open(t), Secret: identity.NewKeyFile(filepath.Join(t.TempDir(), "key")), Issuer: "https://ehr.example"}))(t)
		link := func(references ...string) (links []identity.Link) {
			for _, r := range references {
				links = append(links, identity.Link{Type: key(r).Type, ID: key(r).ID})
			}
			return links
		}
		for _, u := range []identity.User{
			{Login: "self", Roles: []identity.Role{identity.Patient}, Links: link("Patient/gone")},
			{Login: "aunt", Roles: []identity.Role{identity.Proxy}, Links: link("RelatedPerson/aunt")},
			{Login: "both", Roles: []identity.Role{identity.Patient}, Links: link("Patient/gone", "Patient/stays")},
			{Login: "nurse", Roles: []identity.Role{identity.Patient, identity.Nurse}, Links: link("Patient/gone")},
			{Login: "other", Roles: []identity.Role{identity.Patient}, Links: link("Patient/stays")},
		} {
			must(in.CreateUser(t.Context(), u))(t)
		}
		nurse := must(in.UserByLogin(t.Context(), "nurse"))(t)
		for _, patient := range []fhir.ID{"gone", "stays"} {
			must(in.BreakGlass(t.Context(), nurse, "", patient, "unconscious in the emergency room"))(t)
		}
		working(t, d)
		before := must(db.open(t).Epoch(t.Context()))(t)
		must(s.Erase(t.Context(), "gone", "asked"))(t)
		if e := erased(t, s, "gone"); e.Error != "" || e.Users != 4 || e.Accesses != 1 {
			t.Errorf("%+v", e)
		}
		if must(db.open(t).Epoch(t.Context()))(t) == before {
			t.Error("tokens go on to work")
		}
		for login, want := range map[string]struct {
			links    int
			disabled bool
		}{"self": {0, true}, "aunt": {0, true}, "both": {1, false}, "nurse": {0, false}, "other": {1, false}} {
			u := must(in.UserByLogin(t.Context(), login))(t)
			if len(u.Links) != want.links || u.Disabled != want.disabled {
				t.Errorf("%s: %v, disabled %v", login, u.Links, u.Disabled)
			}
		}
	})
}
