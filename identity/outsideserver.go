package identity

import (
	"context"
	"errors"
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

// RemoveResourceServer ends the issue of tokens for a server.
func (s *Service) RemoveResourceServer(ctx context.Context, uri string) error {
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
}
