package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

const kindServer = "server"

// ResourceServer is another server that takes this one's tokens: JWTs for it
// alone, which it can check by itself (RFC 9068).
type ResourceServer struct {
	URI    string       `json:"uri"` // what clients name as resource (RFC 8707)
	Name   string       `json:"name"`
	Scopes smart.Scopes `json:"scopes"` // what its tokens may be for
}

// SetResourceServer registers a server, or changes it.
func (s *Service) SetResourceServer(ctx context.Context, r ResourceServer) error {
	u, err := parseURI(r.URI)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) || r.URI == s.FHIRBase() {
		return Refuse(InvalidTarget, "%s: a resource server has an https address, and is not this one", r.URI)
	}
	if len(r.Scopes) == 0 {
		return Refuse(InvalidScope, "a resource server needs the scopes that its tokens may have")
	}
	var w changes
	w.put(kindServer, hashed(r.URI), store.Any, r, time.Time{})
	return s.write(ctx, &w)
}

// RemoveResourceServer ends the issue of tokens for a server; ErrNotFound.
func (s *Service) RemoveResourceServer(ctx context.Context, uri string) error {
	var r ResourceServer
	if _, err := s.read(ctx, kindServer, hashed(uri), &r); err != nil {
		return err
	}
	var w changes
	w.remove(kindServer, hashed(uri), store.Any)
	return s.write(ctx, &w)
}

// ResourceServers lists the servers.
func (s *Service) ResourceServers(ctx context.Context) ([]ResourceServer, error) {
	var all []ResourceServer
	err := s.walk(ctx, kindServer, nil, func(i store.Item) error {
		var r ResourceServer
		err := decode(i, &r)
		all = append(all, r)
		return err
	})
	return all, err
}

// issueOutside makes an access token as RFC 9068 §2.2 has it. A server that checks
// it by itself learns of no revocation, so it lasts for OutsideFor at most; one
// that introspects it does.
func (s *Service) issueOutside(ctx context.Context, i *issue, t *Tokens) error {
	var r ResourceServer
	_, err := s.read(ctx, kindServer, hashed(i.resource), &r)
	if errors.Is(err, ErrNotFound) {
		return Refuse(InvalidTarget, "%s is not a resource server that is registered here", i.resource)
	}
	if err != nil {
		return err
	}
	if t.Scopes = i.scopes.Within(r.Scopes); len(t.Scopes) == 0 {
		return Refuse(InvalidScope, "none of the scopes is for %s", r.URI)
	}
	if most := i.now.Add(OutsideFor); t.Expires.After(most) {
		t.Expires = most
	}
	claims := outsideClaims{
		Issuer: s.config.Issuer, Audience: r.URI, Subject: i.client.ID, ClientID: i.client.ID, ID: newID(),
		IssuedAt: i.now.Unix(), Expires: t.Expires.Unix(), Scope: t.Scopes.String(),
	}
	if i.grant != nil {
		claims.Subject, claims.AuthTime = i.user.ID, i.grant.AuthTime.Unix()
		claims.Patient, claims.Encounter = i.grant.Context.Patient, i.grant.Context.Encounter
		claims.FHIRUser = s.fhirUser(i)
	}
	if claims.Extensions, err = s.outsideExtensions(ctx, i); err != nil {
		return err
	}
	if t.Access, err = s.Sign(ctx, jose.RS256, "at+jwt", claims); err != nil {
		return err
	}
	i.rememberAccess(t, r.URI)
	return nil
}

type outsideClaims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	ID        string `json:"jti"`
	IssuedAt  int64  `json:"iat"`
	Expires   int64  `json:"exp"`
	AuthTime  int64  `json:"auth_time,omitempty"`
	Scope     string `json:"scope"`
	Patient   string `json:"patient,omitempty"`
	Encounter string `json:"encounter,omitempty"`
	FHIRUser  string `json:"fhirUser,omitempty"`

	Extensions *outsideExtensions `json:"extensions,omitempty"`
}

// outsideExtensions are what a token says of the patient and the purpose of use (IHE
// IUA, ITI-71 JWT extension). What the patient's consents come to (ihe_pcf) is not there:
// the app can read its token, and would learn what is kept from it. A server that enforces
// them introspects.
type outsideExtensions struct {
	IUA struct {
		Purpose []outsideCoding `json:"purpose_of_use,omitempty"`
		Person  string          `json:"person_id"`
	} `json:"ihe_iua"`
}

type outsideCoding struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

// outsideExtensions are nil without a patient in context. Of who does not work here the
// purpose is told when the app asked for one.
func (s *Service) outsideExtensions(ctx context.Context, i *issue) (*outsideExtensions, error) {
	if i.grant == nil || i.grant.Context.Patient == "" {
		return nil, nil
	}
	purpose := i.grant.Purpose
	if purpose == "" {
		roles, err := s.AccessRoles(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range roles {
			if purpose == "" && slices.Contains(i.user.Roles, Role(r.Name)) && len(r.Purposes) > 0 {
				purpose = r.Purposes[0]
			}
		}
	}
	e := &outsideExtensions{}
	e.IUA.Person = s.FHIRBase() + "/Patient/" + i.grant.Context.Patient
	if purpose != "" {
		e.IUA.Purpose = []outsideCoding{{"http://terminology.hl7.org/CodeSystem/v3-ActReason", purpose}}
	}
	return e, nil
}
