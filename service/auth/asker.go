package auth

import (
	"cmp"
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fhir"
)

// whoAsks is who asks with an access token, as consents see it. None concerns who
// uses a token that an administrator of the server made.
func (t *tenant) whoAsks(ctx context.Context, a *identity.Access, patient string) (access.Asker, error) {
	var asker access.Asker
	if a.Client == "" && a.User == "" {
		return access.Asker{Exempt: true}, nil
	}
	if a.Client != "" {
		asker.Actors = append(asker.Actors, t.url("/auth/clients")+"|"+a.Client)
	}
	if a.User == "" {
		asker.Purpose = cmp.Or(a.Purpose, "HOPERAT")
		return asker, nil
	}
	if !isStaff(a.Roles) {
		var err error
		if asker.Self, err = t.isPatient(ctx, a.Links, patient); err != nil || asker.Self {
			return asker, err
		}
	}
	if err := t.bind(ctx, &asker, a); err != nil {
		return asker, err
	}
	for _, l := range a.Links {
		if l.PractitionerRole != "" {
			asker.Actors = append(asker.Actors, "PractitionerRole/"+string(l.PractitionerRole))
		}
		actors, err := t.Door.Actors(ctx, l.Key())
		if err != nil {
			return asker, err
		}
		asker.Actors = append(asker.Actors, actors...)
		if asker.ReachesOwn() {
			carers, err := t.Door.Carers(ctx, l.Key())
			if err != nil {
				return asker, err
			}
			asker.Carers = append(asker.Carers, carers...)
		}
		if !asker.ReachesDepartments() {
			continue
		}
		organizations, err := t.Door.Organizations(ctx, l.Key())
		if err != nil {
			return asker, err
		}
		asker.Organizations = append(asker.Organizations, organizations...)
	}
	return asker, nil
}

// isPatient says whether a user with some links is the patient of a token; "": the
// token is for no other.
func (t *tenant) isPatient(ctx context.Context, links []identity.Link, patient string) (bool, error) {
	if patient == "" {
		return true, nil
	}
	for _, l := range links {
		selves, err := t.Door.Selves(ctx, l.Key())
		if err != nil {
			return false, err
		}
		if slices.Contains(selves, fhir.Key{Type: "Patient", ID: fhir.ID(patient)}) {
			return true, nil
		}
	}
	return false, nil
}

// isStaff says whether a role is of those who work here, who may choose any patient.
func isStaff(roles []identity.Role) bool { return slices.ContainsFunc(roles, identity.Role.Staff) }

// bind gives the asker the roles of a user who works here, and a purpose: that of the
// token, whose roles alone then count, or the first of the first role. Others ask for
// their family.
func (t *tenant) bind(ctx context.Context, asker *access.Asker, a *identity.Access) error {
	asker.Purpose = cmp.Or(a.Purpose, "FAMRQT")
	if !isStaff(a.Roles) {
		return nil
	}
	roles, err := t.Identity.AccessRoles(ctx)
	if err != nil {
		return err
	}
	asker.Roles = []access.Role{} // none of them allows anything; nil would bind nobody
	for _, r := range roles {
		if !slices.Contains(a.Roles, identity.Role(r.Name)) || a.Purpose != "" && !slices.Contains(r.Purposes, a.Purpose) {
			continue
		}
		if len(asker.Roles) == 0 {
			asker.Purpose = cmp.Or(a.Purpose, r.Purposes[0])
		}
		asker.Roles = append(asker.Roles, r)
		asker.Unsealed = append(asker.Unsealed, access.Labels(r.Unseals)...)
	}
	return nil
}
