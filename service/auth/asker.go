package auth

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fhir"
)

// asker is who asks with an access token, as consents see it. Whom no consent
// concerns: a patient in the own record, and who uses a token that an administrator
// of the server made.
func (t *tenant) asker(ctx context.Context, a *identity.Access, patient string) (access.Asker, error) {
	var asker access.Asker
	if a.Client == "" && a.User == "" {
		return access.Asker{Exempt: true}, nil
	}
	if a.Client != "" {
		asker.Actors = append(asker.Actors, t.url("/auth/clients")+"|"+a.Client)
	}
	if a.User == "" {
		asker.Purpose = "HOPERAT"
		return asker, nil
	}
	if !isStaff(a.Roles) && (patient == "" || slices.ContainsFunc(a.Links, func(l identity.Link) bool { return l.Key() == fhir.Key{Type: "Patient", ID: fhir.ID(patient)} })) {
		return access.Asker{Exempt: true}, nil
	}
	asker.Purpose = purposeOf(a.Roles)
	for _, l := range a.Links {
		if l.PractitionerRole != "" {
			asker.Actors = append(asker.Actors, "PractitionerRole/"+string(l.PractitionerRole))
		}
		actors, err := t.Door.Actors(ctx, l.Key())
		if err != nil {
			return asker, err
		}
		asker.Actors = append(asker.Actors, actors...)
	}
	return asker, nil
}

// isStaff says whether a role is of those who work here.
func isStaff(roles []identity.Role) bool {
	return slices.ContainsFunc(staff, func(r identity.Role) bool { return slices.Contains(roles, r) })
}

// purposeOf is the purpose of use of whoever has roles, unless a request says
// another (v3-ActReason).
func purposeOf(roles []identity.Role) string {
	switch {
	case slices.Contains(roles, identity.Practitioner), slices.Contains(roles, identity.Nurse):
		return "TREAT"
	case isStaff(roles):
		return "HOPERAT"
	}
	return "FAMRQT"
}
