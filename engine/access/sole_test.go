package access_test

import (
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestWhoOwnsWhatBelongsToOnePatientIsKnownFromTheQuery(t *testing.T) {
	c := catalog(t, definitions.MustBuiltIn(definitions.R4))
	o := access.NewOwnership([]*search.Catalog{c}, nil)
	book := access.NewBook(access.Shipped())
	book.Add(1, `[[{"deny":true}]]`)
	rules := o.RulesUnder(book, access.Grant{Scopes: grant("user/*.rs").Scopes, Asker: access.Asker{Purpose: "TREAT"}})
	for typeName, code := range map[string]string{
		"Observation": "patient", "Condition": "subject", "Encounter": "patient", "Immunization": "patient", "Task": "patient", "DiagnosticReport": "subject",
	} {
		if p, _ := c.Param(typeName, code); ownerOf(search.Owned(rules.Filter([]string{typeName}, smart.Search), p, "p")) != "p" {
			t.Errorf("%s?%s=Patient/p: each is asked for its owner", typeName, code)
		}
	}
	for typeName, code := range map[string]string{
		"Appointment": "patient", "Schedule": "actor", "Account": "patient", "Observation": "performer", "Patient": "link", "Consent": "actor",
	} {
		if p, _ := c.Param(typeName, code); ownerOf(search.Owned(rules.Filter([]string{typeName}, smart.Search), p, "p")) != "" {
			t.Errorf("%s?%s=Patient/p: not all have that owner alone", typeName, code)
		}
	}
	subject, _ := c.Param("Observation", "subject")
	if ownerOf(search.Owned(rules.Filter([]string{"Observation", "Condition"}, smart.Search), subject, "p")) != "" {
		t.Error("an owner of what is of several types")
	}
}

// ownerOf is the owner that an expression knows.
func ownerOf(x search.Expr) string {
	var parts []search.Expr
	switch x := x.(type) {
	case search.Governed:
		return x.Owner
	case search.Standing:
		return ownerOf(search.Owned(x.X, x.By, x.Owner))
	case search.Not:
		parts = []search.Expr{x.X}
	case search.And:
		parts = x
	case search.Or:
		parts = x
	}
	for _, one := range parts {
		if owner := ownerOf(one); owner != "" {
			return owner
		}
	}
	return ""
}
