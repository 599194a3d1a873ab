package auth_test

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
)

func TestARoleThatAnAdministratorAddedIsOfPeopleWhoWorkHere(t *testing.T) {
	p := surgery(t)
	role := access.Role{Name: "researcher", Title: "Research fellow", Purposes: []string{"HRESCH"}, Rules: []access.RoleRule{{Types: []string{"Observation"}, Interactions: "rs", Reach: access.ReachAll}}}
	own := p.door.Session(records.Principal{}, nil)
	if err := own.SetAccessRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	g := p.visit("root", "/account/users/new")
	g.want(200).has("Research fellow")
	g.to("/account/users/new", "login", "curie", "name", "Curie", "role", "researcher").want(200).has("A link for curie")
	u, err := p.identity.UserByLogin(t.Context(), "curie")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.identity.SetPassword(t.Context(), u.ID, password); err != nil {
		t.Fatal(err)
	}
	curie := p.access("curie", "user/*.cruds")
	p.fhir("Patient/bob", curie).want(403) // the role has no rule for it
	p.fhir("Observation/of-bob", curie).want(404)
	p.consent("bob", `{"type":"permit","purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"HRESCH"}]}`)
	p.fhir("Observation/of-bob", curie).want(200)
	if err := p.identity.ResetAccessRole(t.Context(), "researcher"); err == nil {
		t.Error("a role goes that a user has")
	}
	role.Rules[0].Types = []string{"Condition"}
	if err := own.SetAccessRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	p.fhir("Observation/of-bob", curie).want(403)
	role.Name = string(identity.Administrator)
	if err := own.SetAccessRole(t.Context(), role); err == nil {
		t.Error("administrators get rules")
	}
}

func TestADepartmentIsTheOrganizationsOfTheUsersRoles(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			p := practice(t)
			own := p.door.Session(records.Principal{}, nil)
			role := access.Role{Name: "ward-nurse", Title: "Nurse of a ward", Purposes: []string{"TREAT"}, Rules: []access.RoleRule{{Types: []string{"owned"}, Interactions: "rs", Reach: access.ReachDepartment}}}
			if err := own.SetAccessRole(t.Context(), role); err != nil {
				t.Fatal(err)
			}
			p.put(`{"resourceType":"Organization","id":"ward","name":"Ward"}`,
				`{"resourceType":"Patient","id":"ann","managingOrganization":{"reference":"Organization/ward"}}`)
			p.user("lin", "ward-nurse", identity.Link{Type: "Practitioner", ID: "noor"})
			c, _ := p.register()
			lin := p.tokens(c, "user/*.rs", "lin")["access_token"].(string)
			sees := func(when string, status int) {
				t.Helper()
				if a := p.fhir("Encounter/visit", lin); a.status != status {
					t.Errorf("%s: %d, want %d", when, a.status, status)
				}
				p.fhir("Patient/bob", lin).want(404)
			}
			employed := func(active bool, organization string) {
				p.put(fmt.Sprintf(`{"resourceType":"PractitionerRole","id":"gp","active":%v,"practitioner":{"reference":"Practitioner/noor"},"organization":{"reference":%q}}`, active, organization))
			}
			sees("before", 404)
			employed(true, "Organization/ward")
			sees("in the ward", 200)
			employed(false, "Organization/ward")
			sees("when that has ended", 404)
			employed(true, p.url+"/fhir/Organization/ward")
			sees("in the ward, by its address", 200)
		})
	}
}

func TestOwnPatientsNameTheUserOrOneOfTheUsersRoles(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, func(t *testing.T) {
			p := practice(t)
			own := p.door.Session(records.Principal{}, nil)
			role := access.Role{Name: "visiting-nurse", Title: "Nurse who visits", Purposes: []string{"TREAT"}, Rules: []access.RoleRule{{Types: []string{"owned"}, Interactions: "rs", Reach: access.ReachOwn}}}
			if err := own.SetAccessRole(t.Context(), role); err != nil {
				t.Fatal(err)
			}
			p.user("lin", "visiting-nurse", identity.Link{Type: "Practitioner", ID: "lin"})
			p.put(`{"resourceType":"Practitioner","id":"lin"}`, `{"resourceType":"PractitionerRole","id":"lin"}`,
				`{"resourceType":"Patient","id":"ann","generalPractitioner":[{"reference":"PractitionerRole/lin"}]}`)
			c, _ := p.register()
			lin := p.tokens(c, "user/*.rs", "lin")["access_token"].(string)
			sees := func(when string, status int) {
				t.Helper()
				if a := p.fhir("Patient/ann", lin); a.status != status {
					t.Errorf("%s: %d, want %d", when, a.status, status)
				}
				p.fhir("Patient/bob", lin).want(404)
			}
			sees("when the role is nobody's", 404)
			p.put(`{"resourceType":"PractitionerRole","id":"lin","practitioner":{"reference":"Practitioner/lin"}}`)
			sees("in the role", 200)
			p.put(`{"resourceType":"PractitionerRole","id":"lin","active":false,"practitioner":{"reference":"Practitioner/lin"}}`)
			sees("when the role has ended", 404)
		})
	}
}
