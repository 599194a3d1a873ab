package auth

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Tenant implements pages.Visitors.
func (s *Server) Tenant(name string) (*records.Door, *identity.Service, bool) {
	t := s.tenant(name)
	if t == nil {
		return nil, nil, false
	}
	return t.Door, t.Identity, true
}

// Visitor implements pages.Visitors.
func (s *Server) Visitor(r *http.Request, tenant string) (*pages.Visitor, error) {
	c := &call{tenant: s.tenant(tenant), r: r}
	v, err := c.visit()
	if v == nil || err != nil {
		return nil, err
	}
	return &pages.Visitor{Session: v.session, Token: v.token}, nil
}

// SameOrigin implements pages.Visitors.
func (s *Server) SameOrigin(r *http.Request) error { return s.origins.Check(r) }

// Patients implements pages.Visitors.
func (s *Server) Patients(ctx context.Context, tenant string, v *pages.Visitor) ([]fhir.ID, error) {
	t, u := s.tenant(tenant), v.Session.User
	if isStaff(u.Roles) {
		return nil, nil
	}
	rules, err := t.Door.Rules(ctx, access.Grant{Scopes: choosing, User: u.FHIRUser(), Asker: access.Asker{Exempt: true}})
	if err != nil {
		return nil, err
	}
	return ownPatients(ctx, t.Door.Session(records.Principal{ID: u.ID, Name: u.Name}, rules), u.Links, s.config.Clock())
}

// What the pages of a room may do, for people who work here and for others; roles and
// consents decide the rest.
var (
	staffScopes = smart.Scopes{"user/*.cruds"}
	ownScopes   = smart.Scopes{"patient/*.cruds"}
)

// Records implements pages.Visitors. The rules are those of an app with all scopes,
// which the user's roles and the consents of patients bound.
func (s *Server) Records(ctx context.Context, tenant string, v *pages.Visitor, room string, patient fhir.ID) (*records.Session, error) {
	t, u := s.tenant(tenant), v.Session.User
	a := visiting(v)
	if !isStaff(u.Roles) {
		own, err := s.Patients(ctx, tenant, v)
		if err != nil {
			return nil, err
		}
		officer := slices.ContainsFunc(u.Roles, func(r identity.Role) bool { return r == identity.Administrator })
		if patient != "" && !slices.Contains(own, patient) || patient == "" && !officer {
			return nil, fault.New(fault.Forbidden, fault.CodeForbidden, "", "This record is neither yours nor that of somebody for whom you may act.")
		}
		a.Context.Patient = string(patient)
		if !officer || patient != "" {
			a.Scopes = ownScopes
		}
	}
	var err error
	if a.Glasses, err = t.Identity.BrokenGlasses(ctx, u.ID); err != nil {
		return nil, err
	}
	rules, err := t.allowed(ctx, a)
	if err != nil {
		return nil, err
	}
	p := records.Principal{ID: u.ID, Client: roomClient(room), Name: u.Name}
	p.Broken, p.Agent, p.Audits, p.Urgent = glassesOf(a), agentOf(a), auditsOf(a), treats(a, rules.Purpose())
	p.Agent.Client, p.Agent.Purpose = p.Client, purposeOf(a, rules.Purpose())
	return t.Door.Session(p, rules), nil
}

// visiting is the access of somebody who works here to the pages.
func visiting(v *pages.Visitor) *identity.Access {
	u := v.Session.User
	return &identity.Access{
		User: u.ID, UserName: u.Name, Login: u.Login, Roles: u.Roles, Links: u.Links, FHIRUser: u.FHIRUser(), Scopes: staffScopes, AuthTime: v.Session.Created,
	}
}

// roomClient is the app as which a room is recorded.
func roomClient(room string) string { return strings.ToLower(room) }

// BreakGlassFor implements pages.Visitors.
func (s *Server) BreakGlassFor(ctx context.Context, tenant string, v *pages.Visitor, patient, reason string) (records.Glass, error) {
	t, a := s.tenant(tenant), visiting(v)
	if !isStaff(a.Roles) {
		return records.Glass{}, fault.New(fault.Forbidden, fault.CodeForbidden, "", "The glass is broken by people who work here.")
	}
	var err error
	if a.Glasses, err = t.Identity.BrokenGlasses(ctx, a.User); err != nil {
		return records.Glass{}, err
	}
	return t.breakGlass(ctx, a, func(ctx context.Context) (fhir.ID, error) { return t.meant(ctx, a, patient) }, reason)
}

// meant is the patient with an id, or with an identifier that no other has. Of a
// patient who is hidden nothing is told but to who breaks the glass: what is found is
// asked for again then.
func (t *tenant) meant(ctx context.Context, a *identity.Access, patient string) (fhir.ID, error) {
	ctx = audit.WithTrail(ctx, nil)
	all := t.Door.Session(records.Principal{ID: a.User, Name: a.UserName}, nil)
	if id := fhir.ID(patient); id.Valid() {
		_, err := all.Read(ctx, fhir.Key{Type: "Patient", ID: id}, records.ReadOptions{})
		if kind := fault.KindOf(err); err == nil || kind != fault.NotFound && kind != fault.Gone {
			return id, err
		}
	}
	found, err := all.Search(ctx, records.SearchRequest{Type: "Patient", Pairs: []search.Pair{
		{Name: "identifier", Value: search.Escape(patient)}, {Name: "_count", Value: "2"}, {Name: "_elements", Value: "id"},
	}})
	if err != nil {
		return "", err
	}
	if len(found.Entries) != 1 {
		return "", fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no patient with this number for whom you can break the glass.")
	}
	return found.Entries[0].Key.ID, nil
}

// MendGlassFor implements pages.Visitors.
func (s *Server) MendGlassFor(ctx context.Context, tenant string, v *pages.Visitor, patient fhir.ID) (err error) {
	t, a := s.tenant(tenant), visiting(v)
	if a.Glasses, err = t.Identity.BrokenGlasses(ctx, a.User); err != nil {
		return err
	}
	return t.mendGlass(ctx, a, patient)
}
