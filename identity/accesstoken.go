package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/watch/span"
)

const (
	kindAccess   = "access"
	accessPrefix = "igl_at_"
	// maxChecked is how many tokens are remembered as good.
	maxChecked = 20_000
)

// accessToken is an access token that was issued.
type accessToken struct {
	Grant  string       `json:"grant,omitempty"` // "" for a client's own
	Client string       `json:"client,omitempty"`
	Name   string       `json:"name,omitempty"` // of one that an administrator made
	Scopes smart.Scopes `json:"scopes"`
	// Purpose of use of a client's own.
	Purpose string `json:"purpose,omitempty"`
	// Resource is the resource server that a JWT is for; "" for this one.
	Resource string    `json:"resource,omitempty"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
}

// Access is what an access token allows. It is shared and must not be changed.
type Access struct {
	ID         string // that names the token and tells nothing of it, for the audit log
	Client     string // "" for a token that an administrator made
	ClientName string
	User       string // "" for a client's own token
	UserName   string
	Login      string
	Roles      []Role
	Links      []Link
	FHIRUser   fhir.Key // the zero Key for none
	Grant      string
	Scopes     smart.Scopes
	Resource   string // the resource server that it is for; "" for this one
	Context    smart.Context
	Purpose    string      // of use, a code of v3-ActReason; "" for the first of the roles
	Glasses    []*Glass    // that the user has broken
	Simulated  *Simulation // that runs for the client in a sandbox; nil for none
	AuthTime   time.Time
	Issued     time.Time
	Expires    time.Time

	item string // of the token
}

// ErrToken says that a token is not good, for whatever reason.
var ErrToken = errors.New("identity: the access token is unknown, has expired or was revoked")

// checked is an Access as it was at an epoch.
type checked struct {
	access *Access
	epoch  int64
}

// CheckToken returns what an access token allows; ErrToken. What it remembers is
// good only while the store's epoch is what it was.
func (s *Service) CheckToken(ctx context.Context, token string) (*Access, error) {
	ctx, x := span.Start(ctx, "check token")
	defer x.End()
	a, err := s.checkToken(ctx, token)
	s.counts.token(err)
	return a, err
}

func (s *Service) checkToken(ctx context.Context, token string) (*Access, error) {
	if !strings.HasPrefix(token, accessPrefix) || len(token) > 128 {
		return nil, ErrToken
	}
	// The epoch is read before what it vouches for.
	epoch, err := s.config.Store.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	id := hashed(token)
	c, ok := s.checked.Get(id)
	if !ok || c.epoch != epoch || s.mended(c.access) || !c.access.Simulated.runs(s.now()) {
		a, err := s.readAccess(ctx, id)
		if err != nil {
			s.checked.Remove(id)
			return nil, err
		}
		c = checked{a, epoch}
		s.checked.Put(id, c)
	}
	if !s.now().Before(c.access.Expires) || s.ahead(c.access.Issued) {
		s.checked.Remove(id)
		return nil, ErrToken
	}
	return c.access, nil
}

// readAccess looks at the token, and at all that it comes of.
func (s *Service) readAccess(ctx context.Context, id string) (*Access, error) {
	var t accessToken
	_, err := s.read(ctx, kindAccess, id, &t)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrToken
	}
	if err != nil {
		return nil, err
	}
	return s.accessOf(ctx, id, t)
}

// accessOf is what a token comes to that is kept, or was, under an id.
func (s *Service) accessOf(ctx context.Context, id string, t accessToken) (*Access, error) {
	a := &Access{item: id, ID: tokenID(id), Client: t.Client, ClientName: t.Name, Grant: t.Grant, Scopes: t.Scopes, Purpose: t.Purpose, Resource: t.Resource, Issued: t.Created, Expires: t.Expires}
	if t.Client != "" {
		c, err := s.Client(ctx, t.Client)
		if errors.Is(err, ErrNoClient) || err == nil && c.usable() != nil {
			return nil, ErrToken
		}
		if err != nil {
			return nil, err
		}
		a.ClientName = c.Name
		a.Scopes = t.Scopes.Within(c.Scopes) // it may have been registered for less since
		if err := s.simulate(ctx, a); err != nil {
			return nil, err
		}
	}
	if t.Grant == "" {
		return a, nil
	}
	g, u, err := s.liveGrant(ctx, t.Grant)
	if _, refused := errors.AsType[*Refused](err); refused {
		return nil, ErrToken
	}
	if err != nil {
		return nil, err
	}
	a.User, a.UserName, a.Login, a.Roles, a.Links, a.FHIRUser = u.ID, u.Name, u.Login, u.Roles, u.Links, u.FHIRUser()
	a.Scopes = a.Scopes.Within(g.Scopes) // the user may have narrowed them since
	a.Context, a.AuthTime, a.Purpose = g.Context, g.AuthTime, g.Purpose
	a.Glasses, err = s.BrokenGlasses(ctx, u.ID)
	return a, err
}

// mended says that the time of a broken glass is over, or not yet come.
func (s *Service) mended(a *Access) bool {
	return slices.ContainsFunc(a.Glasses, func(g *Glass) bool { return !g.Broken(s.now()) })
}

// tokenID is the name of a token whose hash is the id of its item: one that the
// token cannot be looked up by.
func tokenID(id string) string {
	sum := sha256.Sum256([]byte("token " + id))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// ahead says that something was made in the future, by a clock that was wrong:
// nobody knows when it ends.
func (s *Service) ahead(created time.Time) bool { return created.Sub(s.now()) > maxSkew }

// CreateToken makes an access token that belongs to no client and no user, for an
// administrator's scripts. name says in lists and audits what it is for.
func (s *Service) CreateToken(ctx context.Context, name string, scopes smart.Scopes, life time.Duration) (string, error) {
	if len(scopes) == 0 || life <= 0 {
		return "", Refuse(InvalidRequest, "a token needs scopes and a lifetime")
	}
	for _, scope := range scopes {
		one, err := smart.ParseScope(scope)
		if own := scope == ScopeIntrospect || scope == ScopeLaunch; !own && (err != nil || one.Level != smart.System) {
			return "", Refuse(InvalidScope, "%s: a token without a user has system/ scopes", scope)
		}
	}
	now := s.now()
	token := newSecret(accessPrefix)
	var w changes
	w.put(kindAccess, hashed(token), 0, accessToken{Name: name, Scopes: scopes, Created: now, Expires: now.Add(life)}, now.Add(life))
	return token, s.write(ctx, &w)
}
