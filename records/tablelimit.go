package records

import (
	"context"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// limits are what the patients and the groups of a request say.
func (t *Table) limits(ctx context.Context, rel *release, r TableRequest) (search.And, error) {
	var limits search.And
	if len(r.Patients) > 0 {
		x, err := t.ofPatients(ctx, rel, r.Patients)
		if err != nil {
			return nil, err
		}
		limits = append(limits, x)
	}
	var groups search.Or
	for _, group := range r.Groups {
		x, err := t.ofGroup(ctx, rel, group)
		if err != nil {
			return nil, err
		}
		groups = append(groups, x)
	}
	if groups != nil {
		limits = append(limits, groups)
	}
	return limits, nil
}

// maxPatients is how many patients a request may name.
const maxPatients = 1000

// ofPatients holds of what is in the compartment of one of some patients.
func (t *Table) ofPatients(ctx context.Context, rel *release, patients []string) (search.Expr, error) {
	if len(patients) > maxPatients {
		return nil, fault.New(fault.Invalid, fault.CodeTooCostly, "", "%d patients are named, and up to %d can be: make a Group of them, and limit the view to that", len(patients), maxPatients)
	}
	var ids search.IDs
	for _, patient := range patients {
		record, err := t.named(ctx, rel, "Patient", patient)
		if err != nil {
			return nil, err
		}
		ids = append(ids, string(record.Key.ID))
	}
	tie, err := rel.catalog.CompartmentsFilter("Patient", ids, t.Resource)
	if len(ids) == 1 { // whose references are looked up as they stand
		tie, err = rel.catalog.CompartmentFilter("Patient", ids[0], t.Resource)
	}
	if err != nil {
		return nil, t.outside("a patient")
	}
	return tie, nil
}

// maxLeft is how many inactive members a group may have.
const maxLeft = 5000

// ofGroup holds of what is in the compartment of a patient who is a member of a
// group now: one that the session sees, and whom the group does not call
// inactive. Groups within groups are not opened.
func (t *Table) ofGroup(ctx context.Context, rel *release, group string) (search.Expr, error) {
	record, err := t.named(ctx, rel, "Group", group)
	if err != nil {
		return nil, err
	}
	tree, err := t.s.door.tree(record)
	if err != nil {
		return nil, err
	}
	if tree.Root().Child("actual").Text() == "false" {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "%s describes whom it is about and has no members", record.Key)
	}
	member, ok := rel.catalog.Param("Group", "member")
	if !ok || member.Kind != definitions.SearchReference {
		return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "the definitions of this server have no search parameter member of Group")
	}
	var is search.Expr = search.Has{Source: "Group", Param: member, X: search.IDs{string(record.Key.ID)}}
	left := t.s.door.leftOf(rel, tree.Root())
	if len(left) > maxLeft {
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "%s has more than %s inactive members: remove them from it", record.Key, humanize.Comma(maxLeft))
	}
	if len(left) > 0 {
		is = search.And{is, search.Not{X: left}}
	}
	tie, err := rel.catalog.CompartmentsFilter("Patient", t.s.narrow([]string{"Patient"}, is), t.Resource)
	if err != nil {
		return nil, t.outside("a group")
	}
	return tie, nil
}

// leftOf are the patients that a group names as inactive members only.
func (d *Door) leftOf(rel *release, group fhir.Node) search.IDs {
	active := map[fhir.ID]bool{}
	for m := range group.All("member") {
		if key, _, ok := d.local(rel.defs, m.Child("entity").Child("reference").Text()); ok && key.Type == "Patient" {
			active[key.ID] = active[key.ID] || m.Child("inactive").Text() != "true"
		}
	}
	var left search.IDs
	for id, is := range active {
		if !is {
			left = append(left, string(id))
		}
	}
	slices.Sort(left) // cursors are bound to the filter
	return left
}

// named is the resource of a type that an id or a reference names.
func (t *Table) named(ctx context.Context, rel *release, of fhir.Type, name string) (store.Record, error) {
	d := t.s.door
	key, _, ok := d.local(rel.defs, name)
	if !ok {
		key = fhir.Key{Type: of, ID: fhir.ID(name)}
	}
	if key.Type != of {
		return store.Record{}, fault.New(fault.Invalid, fault.CodeValue, "", "%s is no %s", key, of)
	}
	record, err := t.s.visible(ctx, d.store, key, seeing)
	if fault.KindOf(err) == fault.NotFound || err == nil && record.Deleted {
		return store.Record{}, fault.New(fault.Invalid, fault.CodeNotFound, "", "there is no %s here", key)
	}
	return record, err
}

func (t *Table) outside(by string) error {
	return fault.New(fault.Invalid, fault.CodeNotSupported, "", "%s is not part of the Patient compartment, so a view of it cannot be limited to %s", t.Resource, by)
}
