package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

// Standing is what is left of an access token for work that outlives it. Its JSON may
// be kept.
type Standing struct {
	Client  string       `json:"client,omitempty"`
	Grant   string       `json:"grant,omitempty"`
	Token   string       `json:"token,omitempty"` // as Access.ID has it
	Key     string       `json:"key,omitempty"`   // of a token that belongs to no client, which must still be there
	Scopes  smart.Scopes `json:"scopes,omitempty"`
	Purpose string       `json:"purpose,omitempty"`
}

// Standing is what may be kept of a token for work that outlives it.
func (a *Access) Standing() Standing {
	n := Standing{Client: a.Client, Grant: a.Grant, Token: a.ID, Scopes: a.Scopes}
	if a.Grant == "" {
		n.Purpose = a.Purpose
	}
	if a.Client == "" {
		n.Key = a.item
	}
	return n
}

// standingKept is how long it is remembered what a Standing allows, while the store's
// epoch is what it was: grants and sessions run out without it.
const standingKept = 30 * time.Second

// Stand returns what a Standing allows at this moment: at most its scopes, and as
// long as the client, the user and what the user allowed are good; ErrToken. The token
// itself may have run out, unless it belongs to no client.
func (s *Service) Stand(ctx context.Context, n Standing) (*Access, error) {
	name, err := json.Marshal(n)
	if err != nil {
		return nil, err
	}
	// The epoch is read before what it vouches for.
	epoch, err := s.config.Store.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := s.checked.Get(string(name))
	if !ok || c.epoch != epoch || s.mended(c.access) || !c.access.Simulated.runs(s.now()) || !s.now().Before(c.access.Expires) {
		if c.access, err = s.stand(ctx, n); err != nil {
			s.checked.Remove(string(name))
			return nil, err
		}
		c.epoch = epoch
		s.checked.Put(string(name), c)
	}
	return c.access, nil
}

func (s *Service) stand(ctx context.Context, n Standing) (*Access, error) {
	soon := s.now().Add(standingKept)
	if n.Client != "" {
		a, err := s.accessOf(ctx, "", accessToken{Client: n.Client, Grant: n.Grant, Scopes: n.Scopes, Purpose: n.Purpose, Expires: soon})
		if err == nil {
			a.ID = n.Token
		}
		return a, err
	}
	var t accessToken
	_, err := s.read(ctx, kindAccess, n.Key, &t)
	if errors.Is(err, ErrNotFound) || err == nil && (t.Client != "" || !s.now().Before(t.Expires)) {
		return nil, ErrToken
	}
	if err != nil {
		return nil, err
	}
	if t.Expires.After(soon) {
		t.Expires = soon
	}
	return s.accessOf(ctx, n.Key, t)
}
