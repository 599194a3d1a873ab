package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// shipped is the shipped role of a name.
func shipped(t *testing.T, name string) access.Role {
	t.Helper()
	roles := access.ShippedRoles()
	i := slices.IndexFunc(roles, func(r access.Role) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("there is no role %s", name)
	}
	return roles[i]
}

// as are the rules of dr with all scopes and some roles.
func (w *world) as(roles ...access.Role) *access.Rules {
	g := grant("user/*.cruds")
	g.Asker = access.Asker{Purpose: roles[0].Purposes[0], Roles: roles, Organizations: []fhir.Key{{Type: "Organization", ID: "ward"}}}
	return w.o.RulesUnder(access.NewBook(access.Shipped()), g)
}

func TestTheShippedRolesAllowWhatTheirWorkTakes(t *testing.T) {
	o := access.NewOwnership([]*search.Catalog{catalog(t, definitions.MustBuiltIn(definitions.R4))}, nil)
	w := &world{t: t, o: o}
	for _, role := range access.ShippedRoles() {
		if err := o.CheckRole(&role); err != nil {
			t.Errorf("%s: %v", role.Name, err)
		}
	}
	for _, c := range []struct {
		role, typ, want string
		purpose         string
	}{
		{"practitioner", "Patient", "cruds", "TREAT"}, {"practitioner", "Observation", "cruds", "TREAT"}, {"practitioner", "MedicationRequest", "cruds", "TREAT"},
		{"practitioner", "Medication", "crus", "TREAT"}, {"practitioner", "Organization", "rs", "TREAT"}, {"practitioner", "SearchParameter", "rs", "TREAT"},
		{"practitioner", "Provenance", "crs", "TREAT"}, {"practitioner", "Subscription", "cruds", "TREAT"},
		{"nurse", "Observation", "crus", "TREAT"}, {"nurse", "Medication", "rs", "TREAT"}, {"nurse", "Location", "rs", "TREAT"},
		{"front-desk", "Patient", "crus", "HOPERAT"}, {"front-desk", "Appointment", "crus", "HOPERAT"}, {"front-desk", "Coverage", "crus", "HOPERAT"},
		{"front-desk", "Observation", "", "HOPERAT"}, {"front-desk", "Condition", "", "HOPERAT"}, {"front-desk", "DocumentReference", "", "HOPERAT"}, {"front-desk", "Encounter", "rs", "HOPERAT"},
		{"privacy-officer", "AuditEvent", "rs", "HOPERAT"}, {"privacy-officer", "Consent", "crus", "HOPERAT"}, {"privacy-officer", "Observation", "", "HOPERAT"},
	} {
		role := shipped(t, c.role)
		if role.Purposes[0] != c.purpose {
			t.Errorf("%s is for %s", c.role, role.Purposes[0])
		}
		r := w.as(role)
		var may smart.Interactions
		for one := range smart.All.Each() {
			if r.May(fhir.Type(c.typ), one) {
				may |= one
			}
		}
		if may.String() != c.want {
			t.Errorf("%s may %q with %s, want %q", c.role, may, c.typ, c.want)
		}
	}
}

func TestARoleReachesItsPatients(t *testing.T) {
	w := newWorld(t,
		resource("Practitioner", "dr", ""), resource("Organization", "ward", ""),
		resource("Patient", "gp", to2("generalPractitioner", "Practitioner/dr")), resource("Patient", "team", ""), resource("Patient", "former", ""), resource("Patient", "visit", ""), resource("Patient", "stranger", ""),
		resource("CareTeam", "t", `"status":"active",`+to("subject", "Patient/team")+`,"participant":[{`+to("member", "Practitioner/dr")+`}]`),
		resource("CareTeam", "f", `"status":"inactive",`+to("subject", "Patient/former")+`,"participant":[{`+to("member", "Practitioner/dr")+`}]`),
		resource("Encounter", "v", to("subject", "Patient/visit")+","+to("serviceProvider", "Organization/ward")+`,"participant":[{`+to("individual", "Practitioner/dr")+`}]`),
		resource("Encounter", "w", to("subject", "Patient/stranger")+","+to("serviceProvider", "Organization/ward")),
		resource("Observation", "gp", to("subject", "Patient/gp")), resource("Observation", "stranger", to("subject", "Patient/stranger")), resource("Observation", "former", to("subject", "Patient/former")),
		resource("Provenance", "of-gp", `"target":[{"reference":"Observation/gp"}]`), resource("Provenance", "of-former", `"target":[{"reference":"Observation/former"}]`),
	)
	role := func(reach access.Reach) access.Role {
		return access.Role{Name: "x", Purposes: []string{"TREAT"}, Rules: []access.RoleRule{{Types: []string{"owned", "about"}, Interactions: "rs", Reach: reach}}}
	}
	for reach, want := range map[access.Reach]string{
		access.ReachAll:        "Patient/gp Patient/team Patient/former Patient/visit Patient/stranger CareTeam/t CareTeam/f Encounter/v Encounter/w Observation/gp Observation/stranger Observation/former Provenance/of-gp Provenance/of-former",
		access.ReachOwn:        "Patient/gp Patient/team Patient/visit CareTeam/t Encounter/v Observation/gp Provenance/of-gp",
		access.ReachDepartment: "Patient/visit Patient/stranger Encounter/v Encounter/w Observation/stranger",
	} {
		r := w.as(role(reach))
		if got := w.reached(r, smart.Read); got != want {
			t.Errorf("%s: %s\nwant %s", reach, got, want)
		}
		w.explains(r, "2024-06-01", want)
	}
	g := grant("user/*.cruds")
	g.User, g.Asker = fhir.Key{Type: "Practitioner", ID: "none"}, access.Asker{Purpose: "TREAT", Roles: []access.Role{role(access.ReachOwn)}, Carers: []fhir.Key{{Type: "Practitioner", ID: "dr"}}}
	if got, want := w.reached(w.o.RulesUnder(nil, g), smart.Read), "Patient/gp Patient/team Patient/visit CareTeam/t Encounter/v Observation/gp Provenance/of-gp"; got != want {
		t.Errorf("as one of several resources: %s\nwant %s", got, want)
	}
	both := []access.Role{role(access.ReachOwn), role(access.ReachDepartment)}
	if got := w.reached(w.as(both...), smart.Read); len(strings.Fields(got)) != 10 {
		t.Errorf("both: %s", got)
	}
}

func to2(element, reference string) string {
	return fmt.Sprintf(`%q:[{"reference":%q}]`, element, reference)
}

func TestScopeAndRoleAllowTheSameInteraction(t *testing.T) {
	w := newWorld(t, resource("Observation", "o", to("subject", "Patient/p")))
	role := access.Role{Name: "x", Purposes: []string{"TREAT"}, Rules: []access.RoleRule{{Types: []string{"Observation"}, Interactions: "s", Reach: access.ReachAll}}}
	g := grant("user/*.r")
	g.Asker = access.Asker{Purpose: "TREAT", Roles: []access.Role{role}}
	if got := w.reached(w.o.RulesUnder(nil, g), smart.Read|smart.Search); got != "" {
		t.Errorf("%s is reached: the scope reads, the role searches", got)
	}
}

func TestWhatARoleHidesPointsAtNothing(t *testing.T) {
	w := newWorld(t,
		resource("Condition", "c", to("subject", "Patient/p")), resource("Provenance", "of-c", `"target":[{"reference":"Condition/c"}]`),
		resource("MedicationRequest", "m", to("subject", "Patient/p")+","+to("medicationReference", "Medication/m")), resource("Medication", "m", ""),
		resource("Observation", "o", to("subject", "Patient/p")), resource("Provenance", "of-o", `"target":[{"reference":"Observation/o"}]`),
	)
	role := access.Role{Name: "x", Purposes: []string{"TREAT"}, Rules: []access.RoleRule{
		{Types: []string{"Observation", "about", "referred"}, Interactions: "rs", Reach: access.ReachAll},
		{Types: []string{"Condition"}, Interactions: "s", Reach: access.ReachAll},
	}}
	g := grant("patient/*.r")
	g.Asker = access.Asker{Purpose: "TREAT", Roles: []access.Role{role}}
	if got := w.reached(w.o.RulesUnder(nil, g), smart.Read|smart.Search); got != "Observation/o Provenance/of-o" {
		t.Errorf("%s", got)
	}
}

func TestARuleCountsForItsPurposeAndFilter(t *testing.T) {
	w := newWorld(t, resource("Observation", "lab", to("subject", "Patient/p")+`,"category":[{"coding":[{"code":"laboratory"}]}]`), resource("Observation", "other", to("subject", "Patient/p")))
	role := access.Role{Name: "x", Purposes: []string{"HRESCH", "TREAT"}, Rules: []access.RoleRule{
		{Types: []string{"Observation"}, Interactions: "rs", Reach: access.ReachAll, Filter: "category=laboratory"},
		{Types: []string{"Observation"}, Interactions: "rs", Reach: access.ReachAll, Purposes: []string{"TREAT"}},
	}}
	for purpose, want := range map[string]string{"HRESCH": "Observation/lab", "TREAT": "Observation/lab Observation/other"} {
		g := grant("user/*.rs")
		g.Asker = access.Asker{Purpose: purpose, Roles: []access.Role{role}}
		if got := w.reached(w.o.RulesUnder(nil, g), smart.Read); got != want {
			t.Errorf("%s: %s, want %s", purpose, got, want)
		}
	}
}

func TestARoleThatCannotBeIsRefused(t *testing.T) {
	o := access.NewOwnership([]*search.Catalog{catalog(t, definitions.MustBuiltIn(definitions.R4))}, nil)
	for _, c := range []struct {
		change func(*access.Role)
		want   string
	}{
		{func(r *access.Role) { r.Name = "A B" }, "name"},
		{func(r *access.Role) { r.Purposes = nil }, "purposes"},
		{func(r *access.Role) { r.Purposes = []string{"TREAT", "FUN"} }, "purposes[1]"},
		{func(r *access.Role) { r.Rules[0].Types = []string{"Pateint"} }, "rules[0].types[0]"},
		{func(r *access.Role) { r.Rules[0].Types = nil }, "rules[0].types"},
		{func(r *access.Role) { r.Rules[0].Interactions = "read" }, "rules[0].interactions"},
		{func(r *access.Role) { r.Rules[0].Reach = "galaxy" }, "rules[0].reach"},
		{func(r *access.Role) { r.Rules[0].Filter = "nonsense=1" }, "rules[0].filter"},
		{func(r *access.Role) { r.Rules[0].Types, r.Rules[0].Filter = []string{"owned"}, "status=final" }, "rules[0].filter"},
		{func(r *access.Role) { r.Rules[0].Purposes = []string{"FUN"} }, "rules[0].purposes[0]"},
	} {
		r := access.Role{Name: "x", Purposes: []string{"TREAT"}, Rules: []access.RoleRule{{Types: []string{"Observation"}, Interactions: "rs", Reach: access.ReachAll}}}
		c.change(&r)
		if err := o.CheckRole(&r); err == nil || !strings.HasPrefix(err.Error(), c.want+": ") {
			t.Errorf("want an error at %s: %v", c.want, err)
		}
	}
}
