package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// rulesKept is for how many tokens the rules are kept that were made of them.
const rulesKept = 5_000

// Authenticate opens the session that a request's token allows: what fhirapi asks
// for. An error of kind Unauthenticated says that there is no good token.
func (s *Server) Authenticate(r *http.Request, door *records.Door) (*records.Session, error) {
	t := s.tenant(door.Name())
	token := bearer(r)
	if t == nil || token == "" {
		return nil, fault.New(fault.Unauthenticated, fault.CodeLogin, "",
			"This needs an access token: send it as 'Authorization: Bearer ...'. How to get one says /.well-known/smart-configuration below the FHIR base.")
	}
	a, err := t.check(r.Context(), token)
	if errors.Is(err, errActs) {
		return nil, fault.Wrap(err, fault.Unauthenticated, fault.CodeLogin, "", "The user of the access token may no longer act for the patient. Ask the user again.")
	}
	if errors.Is(err, identity.ErrToken) {
		return nil, fault.Wrap(err, fault.Unauthenticated, fault.CodeLogin, "", "The access token is unknown, has expired or was revoked. Get a new one.")
	}
	if err != nil {
		return nil, err
	}
	if err := s.slow(r.Context(), a); err != nil {
		return nil, err
	}
	return t.session(r.Context(), a)
}

// session is the one that an access token opens.
func (t *tenant) session(ctx context.Context, a *identity.Access) (*records.Session, error) {
	rules, ok := t.server.rules.Get(a)
	if !ok {
		var err error
		if rules, err = t.allowed(ctx, a); err != nil {
			return nil, err
		}
		t.server.rules.Put(a, rules)
	}
	p := records.Principal{ID: a.User, Client: a.Client, Name: a.UserName}
	if a.User == "" {
		p.ID, p.Name = a.Client, a.ClientName
	}
	p.Broken = glassesOf(a)
	p.Agent, p.Audits, p.Urgent = agentOf(a), auditsOf(a), treats(a, rules.Purpose())
	p.Agent.Purpose = purposeOf(a, rules.Purpose())
	p.Standing = standing(a)
	p.Standing.Patient = granted(a).Patient
	return t.Door.Session(p, rules), nil
}

// allowed are the rules of an access token.
func (t *tenant) allowed(ctx context.Context, a *identity.Access) (*access.Rules, error) {
	g := granted(a)
	var err error
	if g.Asker, err = t.whoAsks(ctx, a, g.Patient); err != nil {
		return nil, err
	}
	return t.Door.Rules(ctx, g)
}

// granted is what a token carries, as access reads it. Of a user who is no staff
// the scopes of level user reach the record in context, or the user's own, and no
// other.
func granted(a *identity.Access) access.Grant {
	g := access.Grant{Scopes: a.Scopes, Patient: a.Context.Patient, User: a.FHIRUser, Broken: broken(a), Missing: missing(a)}
	if slices.Contains(a.Roles, identity.Administrator) {
		g.Administers = a.Scopes
	}
	if a.User != "" && !isStaff(a.Roles) {
		g.Scopes = asPatient(a.Scopes)
		if g.Patient == "" && a.FHIRUser.Type == "Patient" {
			g.Patient = string(a.FHIRUser.ID)
		}
	}
	n := a.Standing()
	g.Subscriber = access.Subscriber{Client: n.Client, User: a.User, Key: n.Key, Patient: g.Patient}
	if a.Context.Encounter != "" {
		g.Context = append(g.Context, fhir.Key{Type: "Encounter", ID: fhir.ID(a.Context.Encounter)})
	}
	for _, item := range a.Context.Items {
		if k, ok := itemKey(item); ok {
			g.Context = append(g.Context, k)
		}
	}
	return g
}

// asPatient makes scopes of level patient of those of level user.
func asPatient(scopes smart.Scopes) smart.Scopes {
	var all smart.Scopes
	for _, text := range scopes {
		if one, err := smart.ParseScope(text); err == nil && one.Level == smart.User {
			one.Level = smart.Patient
			text = one.String()
		}
		all = append(all, text)
	}
	return all
}

// KnownOrigin says whether the pages of an origin may use a door's API: those of
// its registered apps.
func (s *Server) KnownOrigin(ctx context.Context, door *records.Door, origin string) bool {
	t := s.tenant(door.Name())
	if t == nil {
		return false
	}
	known, err := t.Identity.KnownOrigin(ctx, origin)
	if err != nil && ctx.Err() == nil {
		s.config.Log.Error("the origins of apps cannot be read", "error", err)
	}
	return known
}

// Endpoints are where a door's authorization server is.
type Endpoints struct{ Authorize, Token, Register, Manage, Introspect, Revoke string }

// Endpoints returns them for the CapabilityStatement.
func (s *Server) Endpoints(door *records.Door) Endpoints {
	t := s.tenant(door.Name())
	if t == nil {
		return Endpoints{}
	}
	return Endpoints{
		Authorize: t.url("/auth/authorize"), Token: t.url("/auth/token"), Register: t.url("/auth/register"),
		Introspect: t.url("/auth/introspect"), Revoke: t.url("/auth/revoke"), Manage: t.url("/account"),
	}
}

// itemKey is the resource that an element of fhirContext refers to.
func itemKey(i smart.ContextItem) (fhir.Key, bool) {
	t, id, ok := strings.Cut(i.Reference, "/")
	return fhir.Key{Type: fhir.Type(t), ID: fhir.ID(id)}, ok
}
