package auth

import (
	"context"
	"net/http"
	"slices"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// BreakGlass breaks the glass for the user of a request and a patient. The user needs
// a role with the purpose BTG, and an app with a scope for the record. NotFound when
// there is no such patient, or the patient denies that as well.
func (s *Server) BreakGlass(r *http.Request, door *records.Door, patient fhir.ID, reason string) (records.Glass, error) {
	t, a, err := s.staffAt(r, door)
	if err != nil {
		return records.Glass{}, err
	}
	return t.breakGlass(r.Context(), a, func(context.Context) (fhir.ID, error) { return patient, nil }, reason)
}

// breakGlass breaks the glass for somebody who works here, and the patient that find
// finds: it is called when all but the patient is as it has to be.
func (t *tenant) breakGlass(ctx context.Context, a *identity.Access, find func(context.Context) (fhir.ID, error), reason string) (records.Glass, error) {
	roles, err := t.Identity.AccessRoles(ctx)
	if err != nil {
		return records.Glass{}, err
	}
	may := false
	for _, role := range roles {
		may = may || slices.Contains(a.Roles, identity.Role(role.Name)) && role.MayBreakGlass()
	}
	if !may {
		return records.Glass{}, fault.New(fault.Forbidden, fault.CodeForbidden, "", "none of your roles allows breaking the glass: it takes one with the purpose BTG")
	}
	if err := t.Identity.CheckGlass(ctx, a.User, reason); err != nil {
		return records.Glass{}, err
	}
	patient, err := find(ctx)
	if err != nil {
		return records.Glass{}, err
	}
	then := *a
	then.Glasses = append(slices.Clone(a.Glasses), &identity.Glass{Patient: patient})
	rules, err := t.allowed(ctx, &then)
	if err != nil {
		return records.Glass{}, err
	}
	session := t.Door.Session(records.Principal{ID: a.User, Client: a.Client, Name: a.UserName}, rules)
	if _, err := session.Read(ctx, fhir.Key{Type: "Patient", ID: patient}, records.ReadOptions{}); err != nil {
		return records.Glass{}, err
	}
	u, err := t.Identity.User(ctx, a.User)
	if err != nil {
		return records.Glass{}, err
	}
	g, err := t.Identity.BreakGlass(ctx, u, a.Client, patient, reason)
	if err != nil {
		return records.Glass{}, err
	}
	t.server.config.Log.Warn("the glass is broken: a privacy officer has to review it", "tenant", t.name, "id", g.ID)
	return records.Glass{Patient: g.Patient, Until: g.Until}, nil
}

// MendGlass ends what the user of a request has broken for a patient; NotFound when
// that is nothing.
func (s *Server) MendGlass(r *http.Request, door *records.Door, patient fhir.ID) error {
	t, a, err := s.staffAt(r, door)
	if err != nil {
		return err
	}
	return t.mendGlass(r.Context(), a, patient)
}

func (t *tenant) mendGlass(ctx context.Context, a *identity.Access, patient fhir.ID) error {
	found := false
	for _, g := range a.Glasses {
		if g.Patient != patient {
			continue
		}
		found = true
		if err := t.Identity.EndGlass(ctx, g.ID, g.Login); err != nil {
			return err
		}
	}
	if !found {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "you have not broken the glass for this patient, or it has ended")
	}
	return nil
}

// staffAt is who works here and sent a request.
func (s *Server) staffAt(r *http.Request, door *records.Door) (*tenant, *identity.Access, error) {
	if _, err := s.Authenticate(r, door); err != nil {
		return nil, nil, err
	}
	t := s.tenant(door.Name())
	a, err := t.Identity.CheckToken(r.Context(), bearer(r))
	if err == nil && (a.User == "" || !isStaff(a.Roles)) {
		err = fault.New(fault.Forbidden, fault.CodeForbidden, "", "the glass is broken by people who work here, with an app that they allowed")
	}
	return t, a, err
}

// broken are the patients for whom the user of a token has broken the glass.
func broken(a *identity.Access) []fhir.ID {
	var all []fhir.ID
	for _, g := range a.Glasses {
		if !slices.Contains(all, g.Patient) {
			all = append(all, g.Patient)
		}
	}
	return all
}

// glassesOf are the same with their ends.
func glassesOf(a *identity.Access) []records.Glass {
	var all []records.Glass
	for _, g := range a.Glasses {
		i := slices.IndexFunc(all, func(one records.Glass) bool { return one.Patient == g.Patient })
		switch {
		case i < 0:
			all = append(all, records.Glass{Patient: g.Patient, Until: g.Until})
		case g.Until.After(all[i].Until):
			all[i].Until = g.Until
		}
	}
	return all
}
