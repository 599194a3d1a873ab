package records

import (
	"context"
	"slices"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Actors are the references by which consents may name a user who is a resource:
// its own, those of the PractitionerRoles that are its, of the organizations of
// these, and of the care teams and groups that it belongs to. Types that no consent names are
// left out.
func (d *Door) Actors(ctx context.Context, user fhir.Key) ([]string, error) {
	if err := d.readBook(ctx); err != nil {
		return nil, err
	}
	selves, err := d.Selves(ctx, user)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, self := range selves {
		some, err := d.actorsOf(ctx, self)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if d.book.Mentions("Group") {
		groups, err := d.referring(ctx, "Group", "member", user)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			if g.tree.Root().Child("active").Text() != "false" {
				all = append(all, g.String())
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Organizations are those for which a user who is a resource acts, by the
// PractitionerRoles that are its.
func (d *Door) Organizations(ctx context.Context, user fhir.Key) (all []fhir.Key, err error) {
	_, roles, err := d.selvesAndRoles(ctx, user)
	for _, r := range roles {
		if organization, ok := d.organizationOf(r); ok && !slices.Contains(all, organization) {
			all = append(all, organization)
		}
	}
	return all, err
}

// Carers are, beside a user who is a resource, those by which others may name the user: the
// resources that a Person is, and the PractitionerRoles of all these.
func (d *Door) Carers(ctx context.Context, user fhir.Key) ([]fhir.Key, error) {
	all, roles, err := d.selvesAndRoles(ctx, user)
	for _, r := range roles {
		all = append(all, r.Key)
	}
	return slices.DeleteFunc(all, func(k fhir.Key) bool { return k == user }), err
}

// selvesAndRoles are the resources that a user is, and the PractitionerRoles of all these.
func (d *Door) selvesAndRoles(ctx context.Context, user fhir.Key) (selves []fhir.Key, roles []found, err error) {
	if selves, err = d.Selves(ctx, user); err != nil {
		return nil, nil, err
	}
	for _, self := range selves {
		some, err := d.rolesOf(ctx, self)
		if err != nil {
			return nil, nil, err
		}
		roles = append(roles, some...)
	}
	return selves, roles, nil
}

// rolesOf are the PractitionerRoles of a user that are not said to be in use no more.
func (d *Door) rolesOf(ctx context.Context, user fhir.Key) ([]found, error) {
	roles, err := d.referring(ctx, string(roleType), "practitioner", user)
	return slices.DeleteFunc(roles, func(r found) bool { return r.tree.Root().Child("active").Text() == "false" }), err
}

func (d *Door) organizationOf(role found) (fhir.Key, bool) {
	key, _, ok := d.local(role.tree.Definitions(), role.tree.Root().Find("organization", "reference").Text())
	return key, ok
}

// Selves are the resources that a user is: the one named, and of a Person those to
// whom it is linked. The zero Key is none.
func (d *Door) Selves(ctx context.Context, user fhir.Key) ([]fhir.Key, error) {
	if user.ID == "" {
		return nil, nil
	}
	all := []fhir.Key{user}
	if user.Type != personType {
		return all, nil
	}
	records, err := d.store.ReadMany(ctx, []fhir.Key{user})
	if err != nil || len(records) == 0 {
		return all, d.fault(err)
	}
	tree, err := d.tree(records[0])
	if err != nil {
		return nil, err
	}
	for link := range tree.Root().All("link") {
		if key, _, ok := d.local(tree.Definitions(), link.Find("target", "reference").Text()); ok {
			all = append(all, key)
		}
	}
	return all, nil
}

const (
	personType fhir.Type = "Person"
	roleType   fhir.Type = "PractitionerRole"
)

func (d *Door) actorsOf(ctx context.Context, user fhir.Key) ([]string, error) {
	all := []string{user.String()}
	if d.book.Mentions(string(roleType)) || d.book.Mentions("Organization") {
		roles, err := d.rolesOf(ctx, user)
		if err != nil {
			return nil, err
		}
		for _, r := range roles {
			all = append(all, r.String())
			if organization, ok := d.organizationOf(r); ok {
				all = append(all, organization.String())
			}
		}
	}
	if d.book.Mentions("CareTeam") {
		teams, err := d.referring(ctx, "CareTeam", "participant", user)
		if err != nil {
			return nil, err
		}
		for _, t := range teams {
			if status := t.tree.Root().Child("status").Text(); status == "" || status == "active" {
				all = append(all, t.String())
			}
		}
	}
	return all, nil
}

// changesActors says whether writes may change whom consents name, as these are now, or
// as whom, and for which organizations, somebody acts; or else unnamed are the types written of which they
// would if a consent named one, see namedSince.
func (d *Door) changesActors(ctx context.Context, writes []store.Write) (does bool, unnamed []fhir.Type, err error) {
	for i := range writes {
		switch t := writes[i].Key.Type; {
		case t == personType, t == roleType:
			return true, nil, nil
		case slices.Contains(belongs, t) && !slices.Contains(unnamed, t):
			unnamed = append(unnamed, t)
		}
	}
	if does, err = d.names(ctx, unnamed); does {
		unnamed = nil
	}
	return does, unnamed, err
}

// names says whether a consent names a resource of one of types.
func (d *Door) names(ctx context.Context, types []fhir.Type) (bool, error) {
	if types == nil {
		return false, nil
	}
	if err := d.readBook(ctx); err != nil {
		return false, err
	}
	return slices.ContainsFunc(types, func(t fhir.Type) bool { return d.book.Mentions(string(t)) }), nil
}

// namedSince tells all processes that whom consents name has changed by a write of types that
// none named, if one that does was committed just before it: it may have been read with what
// the write has changed. The write is done, so that an error is logged.
func (d *Door) namedSince(ctx context.Context, types []fhir.Type) {
	ctx = context.WithoutCancel(ctx)
	do, err := d.names(ctx, types)
	if do {
		err = d.store.Write(ctx, func(ctx context.Context, tx store.Tx) error { return tx.RaiseEpoch(ctx) })
	}
	if err != nil {
		d.log.ErrorContext(ctx, "who is in a team or group may count for consents as it was until rights are read anew", "error", err)
	}
}

// unnamed are the types that were imported for namedSince, until that is flushed. It is safe
// for concurrent use.
type unnamed struct {
	mu    sync.Mutex
	types []fhir.Type
}

func (u *unnamed) add(types []fhir.Type) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range types {
		if !slices.Contains(u.types, t) {
			u.types = append(u.types, t)
		}
	}
}

func (u *unnamed) take() []fhir.Type {
	u.mu.Lock()
	defer u.mu.Unlock()
	types := u.types
	u.types = nil
	return types
}

// belongs are further types whose resources say on whose behalf somebody acts.
var belongs = []fhir.Type{"CareTeam", "Group"}

type found struct {
	fhir.Key
	tree *fhir.Tree
}

// referring reads the resources of a type that refer by a parameter to key.
func (d *Door) referring(ctx context.Context, typeName, code string, key fhir.Key) ([]found, error) {
	p, ok := d.Catalog("").Param(typeName, code)
	if !ok {
		return nil, nil
	}
	q := &search.Query{Types: []string{typeName}, Filter: search.Reference{Param: p, Type: string(key.Type), ID: string(key.ID)}, Count: d.policy.MaxCount}
	var all []found
	for {
		page, err := d.store.Search(ctx, q)
		if err != nil {
			return nil, d.fault(err)
		}
		for _, r := range page.Records {
			tree, err := d.tree(r)
			if err != nil {
				return nil, err
			}
			all = append(all, found{r.Key, tree})
		}
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
}
