package access_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
)

func masked(rules ...access.RoleRule) access.Role {
	return access.Role{Name: "clerk", Purposes: []string{"HOPERAT", "TREAT"}, Rules: rules}
}

func scopes(t testing.TB, text string) smart.Scopes {
	t.Helper()
	parsed, err := smart.ParseScopes(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestMasksThatCannotBeAreRefusedWithTheirPlace(t *testing.T) {
	o := access.NewOwnership([]*search.Catalog{catalog(t, definitions.MustBuiltIn(definitions.R4))}, nil)
	for path, want := range map[mask.Path]string{
		"Patient.adress":       "no such element",
		"Patient.id":           "cannot be masked",
		"Observation.subject":  "whose the Observation is",
		"Provenance.target":    "whose the Provenance is",
		"Practitioner.telecom": "not about Practitioner",
		"ValueSet.compose":     "cannot be masked",
	} {
		r := masked(access.RoleRule{Types: []string{"owned", "about", "ValueSet"}, Interactions: "rs", Reach: access.ReachAll, Mask: []mask.Path{"Patient.address", path}})
		if err := o.CheckRole(&r); err == nil || !strings.Contains(err.Error(), "rules[0].mask[1]") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	r := masked(access.RoleRule{Types: []string{"Patient", "directory"}, Interactions: "rs", Reach: access.ReachAll, Mask: []mask.Path{"Patient.generalPractitioner", "Practitioner.telecom", "Patient.name.given"}})
	if err := o.CheckRole(&r); err != nil {
		t.Error(err)
	}
}

func TestMasksCountUnlessARuleShowsAllWithout(t *testing.T) {
	o := access.NewOwnership([]*search.Catalog{catalog(t, definitions.MustBuiltIn(definitions.R4))}, nil)
	address := access.RoleRule{Types: []string{"Patient"}, Interactions: "rs", Reach: access.ReachAll, Mask: []mask.Path{"Patient.address"}}
	rule := func(change func(*access.RoleRule)) access.RoleRule {
		r := address
		change(&r)
		return r
	}
	for _, c := range []struct {
		name    string
		purpose string
		rules   []access.RoleRule
		want    []mask.Path
	}{
		{"one rule", "TREAT", []access.RoleRule{address}, []mask.Path{"Patient.address"}},
		{"one that shows own patients whole", "TREAT", []access.RoleRule{address, rule(func(r *access.RoleRule) { r.Mask, r.Reach = nil, access.ReachOwn })}, []mask.Path{"Patient.address"}},
		{"one that shows some whole", "TREAT", []access.RoleRule{address, rule(func(r *access.RoleRule) { r.Mask, r.Filter = nil, "gender=male" })}, []mask.Path{"Patient.address"}},
		{"one that shows all whole, but not in searches", "TREAT", []access.RoleRule{address, rule(func(r *access.RoleRule) { r.Mask, r.Interactions = nil, "r" })}, []mask.Path{"Patient.address"}},
		{"one that shows all whole", "TREAT", []access.RoleRule{address, rule(func(r *access.RoleRule) { r.Mask = nil })}, nil},
		{"one that masks a part of it", "TREAT", []access.RoleRule{address, rule(func(r *access.RoleRule) { r.Mask = []mask.Path{"Patient.address.city"} })}, []mask.Path{"Patient.address.city"}},
		{"one that masks what it is in", "TREAT", []access.RoleRule{rule(func(r *access.RoleRule) { r.Mask = []mask.Path{"Patient.address.city"} }), address}, []mask.Path{"Patient.address.city"}},
		{"one for another purpose", "TREAT", []access.RoleRule{address, rule(func(r *access.RoleRule) { r.Mask, r.Purposes = nil, []string{"HOPERAT"} })}, []mask.Path{"Patient.address"}},
		{"one that shows all of it, with another mask", "TREAT", []access.RoleRule{address, rule(func(r *access.RoleRule) { r.Mask, r.Reach = []mask.Path{"Patient.photo"}, access.ReachOwn })}, []mask.Path{"Patient.address"}},
		{"for another purpose", "TREAT", []access.RoleRule{rule(func(r *access.RoleRule) { r.Purposes = []string{"HOPERAT"} })}, nil},
		{"one that only writes", "TREAT", []access.RoleRule{rule(func(r *access.RoleRule) { r.Interactions = "c" })}, nil},
	} {
		rules := o.Rules(access.Grant{Scopes: scopes(t, "user/*.cruds"), Asker: access.Asker{Purpose: c.purpose, Roles: []access.Role{masked(c.rules...)}}})
		if got := rules.Masks(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := o.Rules(access.Grant{Scopes: scopes(t, "patient/*.cruds"), Patient: "p", Asker: access.Asker{Exempt: true}}).Masks(); got != nil {
		t.Errorf("a patient: %v", got)
	}
}

func TestAScopeThatAsksForWhatIsMaskedAllowsNothing(t *testing.T) {
	o := access.NewOwnership([]*search.Catalog{catalog(t, definitions.MustBuiltIn(definitions.R4))}, nil)
	role := masked(access.RoleRule{Types: []string{"Patient"}, Interactions: "rs", Reach: access.ReachAll, Mask: []mask.Path{"Patient.address"}})
	for scope, may := range map[string]bool{"user/Patient.rs": true, "user/Patient.rs?gender=male": true, "user/Patient.rs?address-city=x": false} {
		rules := o.Rules(access.Grant{Scopes: scopes(t, scope), Asker: access.Asker{Purpose: "TREAT", Roles: []access.Role{role}}})
		if got := rules.May("Patient", smart.Search); got != may {
			t.Errorf("%s: %t", scope, got)
		}
	}
}
