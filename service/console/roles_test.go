package console_test

import (
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
)

func TestRolesAreToldInWordsAndChanged(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	root.get("/console/roles").Want(200).Has("Nurse", "Create, read, update and search the records of patients of the whole organization", "Set and lift legal holds").Lacks(">changed<", ">added<")
	at := "/console/roles/role/nurse"
	save := func(pairs ...string) placetest.Answer {
		return root.fill(at, at, append([]string{"do", "save", "title", "Nurse <b>", "purposes", "TREAT HOPERAT"}, pairs...)...)
	}
	save("types-0", "Observation Patient", "interactions-0", "r", "interactions-0", "s", "reach-0", "own", "filter-0", "", "types-1", "", "reach-1", "organization").Want(200).
		Has("Saved.", "Read and search Observation and Patient of the user's own patients", ">changed<").Lacks("Nurse <b>")
	r, err := o.Identity.AccessRole(t.Context(), "nurse")
	if err != nil || len(r.Rules) != 1 || r.Rules[0].Interactions != "rs" || len(r.Purposes) != 2 {
		t.Errorf("%+v %v", r, err)
	}
	for field, pairs := range map[string][]string{
		"types-0":        {"types-0", "Cat", "interactions-0", "r", "reach-0", "own"},
		"interactions-1": {"types-0", "Patient", "interactions-0", "r", "reach-0", "own", "types-1", "Observation", "reach-1", "own"},
		"filter-0":       {"types-0", "Observation", "interactions-0", "r", "reach-0", "own", "filter-0", "colour=red"},
		"mask-0":         {"types-0", "Patient", "interactions-0", "r", "reach-0", "own", "mask-0", "Patient.nothing"},
		"purposes-0":     {"types-0", "Patient", "interactions-0", "r", "reach-0", "own", "purposes-0", "HRESCH"},
		"reach-0":        {"types-0", "Patient", "interactions-0", "r", "reach-0", "world"},
	} {
		save(pairs...).Want(422).Has(`<a href="#`+field+`">`, `id="`+field+`"`)
	}
	save("types-0", "Patient", "interactions-0", "r", "reach-0", "own", "remove-0", "1").Want(200).Has("Saved.")
	if r, err = o.Identity.AccessRole(t.Context(), "nurse"); err != nil || len(r.Rules) != 0 {
		t.Errorf("%+v %v", r, err)
	}
	root.fill(at, at, "do", "reset").Want(200).Has("as on a new server", "owned")
	root.get("/console/roles/role/administrator").Want(404).Has("have none")
}

func TestAnAddedRoleIsRemovedOnlyWhenNobodyHasIt(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	add := func(name string) placetest.Answer {
		return root.fill("/console/roles/new", "/console/roles/new", "name", name, "title", "Research", "purposes", "HRESCH", "types-0", "Observation", "interactions-0", "r", "reach-0", "organization")
	}
	add("nurse").Want(422).Has("a role of that name already")
	add("patient").Want(422).Has("a role of that name already")
	add("Re search").Want(422).Has(`<a href="#name">`)
	at := add("research").Want(200).Has("Research", ">added<").Path
	if _, err := o.Identity.CreateUser(t.Context(), identity.User{Login: "curie", Roles: []identity.Role{"research"}}); err != nil {
		t.Fatal(err)
	}
	root.fill(at, at, "do", "reset").Want(422).Has("Curie has the role research")
	u, err := o.Identity.UserByLogin(t.Context(), "curie")
	if err != nil {
		t.Fatal(err)
	}
	u.Roles = []identity.Role{identity.Nurse}
	if _, err := o.Identity.UpdateUser(t.Context(), *u); err != nil {
		t.Fatal(err)
	}
	root.fill(at, at, "do", "reset").Want(200).Has("The role is gone").Lacks("Research")
	root.get("/console/audit?kind=administer&user=root").Want(200).Has("role research")
}
