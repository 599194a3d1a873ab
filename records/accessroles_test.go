package records_test

import (
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestTheFilterOfARoleMayHaveAStoredSearchParameter(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		d := db.door(t, records.DefaultPolicy())
		juniors(t, d, 3)
		s := d.Session(records.Principal{}, nil)
		put(t, s, "Patient/senior", `{"resourceType":"Patient","id":"senior"}`)
		role := access.Role{
			Name: "pediatrician", Purposes: []string{"TREAT"},
			Rules: []access.RoleRule{{Types: []string{"Patient"}, Interactions: "rs", Reach: access.ReachAll, Filter: "suffix=jr"}},
		}
		refused(t, s.SetAccessRole(t.Context(), role), fault.Unprocessable, "rules[0].filter", `"suffix"`)
		define(t, d, "suffix", "active", suffix)
		refused(t, s.SetAccessRole(t.Context(), role), fault.Conflict, "rules[0].filter", "Patient.suffix is being indexed", "set the role again")
		work(t, d, nil)
		if err := s.SetAccessRole(t.Context(), role); err != nil {
			t.Fatal(err)
		}
		in := func(d *records.Door) *records.Session {
			rules := must(d.Rules(t.Context(), access.Grant{Scopes: smart.Scopes{"user/*.rs"}, User: key("Practitioner/p"), Asker: access.Asker{Purpose: "TREAT", Roles: []access.Role{role}}}))(t)
			return d.Session(records.Principal{ID: "p"}, rules)
		}
		if n := count(t, in(d), "Patient", ""); n != 3 {
			t.Errorf("the role sees %d", n)
		}
		refused(t, in(d).SetAccessRole(t.Context(), role), fault.Forbidden, "administration of the server")
	})
}
