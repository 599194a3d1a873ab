package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// overseers may ask what anybody sees, and why.
var overseers = []identity.Role{identity.PrivacyOfficer, identity.Administrator}

// Ask opens the session that a user, an app or both would have, and says what whoever
// sent the request may be told of it. Privacy officers and administrators may ask
// about everybody, patients about who sees their record, all about themselves.
func (s *Server) Ask(r *http.Request, door *records.Door, user, client, purpose string) (*records.Session, records.Disclosure, error) {
	ctx := r.Context()
	own, err := s.Authenticate(r, door)
	if err != nil {
		return nil, records.Disclosure{}, err
	}
	t := s.tenant(door.Name())
	a, err := t.Identity.CheckToken(ctx, bearer(r))
	if err != nil {
		return nil, records.Disclosure{}, err
	}
	self, err := t.isSelf(ctx, a, user)
	if err != nil {
		return nil, records.Disclosure{}, err
	}
	if self && (client == "" || client == a.Client) && purpose == "" {
		return own, records.Disclosure{}, nil
	}
	to, err := disclosure(a, user)
	if err != nil {
		return nil, to, err
	}
	of, err := t.simulated(ctx, user, client)
	if err != nil {
		return nil, to, err
	}
	of.Purpose = purpose
	rules, err := t.allowed(ctx, of)
	if err != nil {
		return nil, to, err
	}
	return door.Session(records.Principal{ID: of.User, Client: of.Client, Name: of.UserName}, rules), to, nil
}

// isSelf says whether a user, by login or reference, is the one of a token.
func (t *tenant) isSelf(ctx context.Context, a *identity.Access, user string) (bool, error) {
	if user == "" || user == a.FHIRUser.String() && a.User != "" {
		return true, nil
	}
	if a.User == "" {
		return false, nil
	}
	u, err := t.Identity.User(ctx, a.User)
	return err == nil && strings.EqualFold(u.Login, user), err
}

// disclosure is what the user of a token may be told of others.
func disclosure(a *identity.Access, user string) (records.Disclosure, error) {
	no := func(format string, args ...any) (records.Disclosure, error) {
		return records.Disclosure{}, fault.New(fault.Forbidden, fault.CodeForbidden, "", format, args...)
	}
	overseer := a.User == "" && a.Client == "" || slices.ContainsFunc(overseers, func(r identity.Role) bool { return slices.Contains(a.Roles, r) })
	patient := granted(a).Patient
	switch {
	case !overseer && (a.User == "" || isStaff(a.Roles) || patient == ""):
		return no("what others see is told to privacy officers, to administrators, and to patients about their own record")
	case !readsConsents(a.Scopes):
		return no("why somebody sees something tells what patients decided: it takes a scope that allows reading Consent, such as user/Consent.r")
	case overseer:
		return records.Disclosure{Everything: true}, nil
	case !strings.Contains(user, "/"):
		return no("name who you ask about by the resource, such as user=Practitioner/123")
	}
	return records.Disclosure{Patient: fhir.ID(patient)}, nil
}

func readsConsents(scopes smart.Scopes) bool {
	return slices.ContainsFunc(scopes.Resources(), func(s smart.Scope) bool {
		return s.Interactions&smart.Read != 0 && (s.Type == smart.Any || s.Type == "Consent") && s.Query == ""
	})
}

// simulated is the access of a user with an app: by what the user allowed it, or else
// by all that it may be allowed; of a user without an app by every scope.
func (t *tenant) simulated(ctx context.Context, user, client string) (*identity.Access, error) {
	a := &identity.Access{Scopes: smart.Scopes{"user/*.cruds"}}
	if client != "" {
		c, err := t.Identity.Client(ctx, client)
		if errors.Is(err, identity.ErrNoClient) {
			return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no app %s here", fault.Shorten(client))
		}
		if err != nil {
			return nil, err
		}
		a.Client, a.ClientName, a.Scopes = c.ID, c.Name, c.Scopes
	}
	if user == "" {
		return a, nil
	}
	u, err := t.namedUser(ctx, user)
	if err != nil {
		return nil, err
	}
	a.User, a.UserName, a.Roles, a.Links, a.FHIRUser = u.ID, u.Name, u.Roles, u.Links, u.FHIRUser()
	if a.Glasses, err = t.Identity.BrokenGlasses(ctx, u.ID); err != nil || client == "" {
		return a, err
	}
	grants, err := t.Identity.Grants(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.Client == client && g.Live(t.server.config.Clock()) {
			a.Grant, a.Scopes, a.Context = g.ID, g.Scopes.Within(a.Scopes), g.Context
			break
		}
	}
	return a, nil
}

// namedUser finds a user by login, or by the resource that the user is.
func (t *tenant) namedUser(ctx context.Context, name string) (*identity.User, error) {
	typ, id, is := strings.Cut(name, "/")
	if is {
		users, err := t.Identity.UsersLinked(ctx, fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, "", 1)
		if err != nil {
			return nil, err
		}
		if len(users) > 0 {
			return &users[0], nil
		}
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "no user of this server is %s", fault.Shorten(name))
	}
	u, err := t.Identity.UserByLogin(ctx, name)
	if errors.Is(err, identity.ErrNotFound) {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "there is no user %s here", fault.Shorten(name))
	}
	return u, err
}
