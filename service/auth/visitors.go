package auth

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Tenant implements pages.Visitors.
func (s *Server) Tenant(name string) (*records.Door, *identity.Service, bool) {
	t := s.tenants[name]
	if t == nil {
		return nil, nil, false
	}
	return t.Door, t.Identity, true
}

// Visitor implements pages.Visitors.
func (s *Server) Visitor(r *http.Request, tenant string) (*pages.Visitor, error) {
	c := &call{tenant: s.tenants[tenant], r: r}
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
	t, u := s.tenants[tenant], v.Session.User
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
	t, u := s.tenants[tenant], v.Session.User
	a := &identity.Access{
		User: u.ID, UserName: u.Name, Login: u.Login, Roles: u.Roles, Links: u.Links, FHIRUser: u.FHIRUser(), Scopes: staffScopes, AuthTime: v.Session.Created,
	}
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
	p := records.Principal{ID: u.ID, Client: strings.ToLower(room), Name: u.Name}
	p.Broken, p.Agent, p.Audits, p.Urgent = glassesOf(a), agentOf(a), auditsOf(a), treats(a, rules.Purpose())
	p.Agent.Client, p.Agent.Purpose = p.Client, purposeOf(a, rules.Purpose())
	return t.Door.Session(p, rules), nil
}
