package identity

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/spec/smart"
)

// Earlier is what the user of a session was last asked about an app and a patient
// ("" for none) and allowed, if it is still good; nil otherwise. What does not
// outlive the session in which it was allowed is known in that one only.
func (s *Service) Earlier(ctx context.Context, n *Session, client, patient string) (*Grant, error) {
	all, err := s.Grants(ctx, n.UserID)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if !g.remembers(client, patient) || !g.Offline() && g.Session != n.ID {
			continue
		}
		live, _, err := s.liveGrant(ctx, g.ID)
		if _, ended := errors.AsType[*Refused](err); ended {
			continue
		}
		return live, err
	}
	return nil, nil
}

// Allows says whether the user allowed all that a scope is for. Who may have access
// while the user is away may have it before.
func (g *Grant) Allows(scope string) bool {
	return g.Scopes.Covered(scope) || scope == smart.OnlineAccess && g.Offline()
}

// remembers says whether a grant, if it is good, tells what the user allows an app
// about a patient.
func (g *Grant) remembers(client, patient string) bool {
	return g.Client == client && g.Context.Patient == patient && g.Consent == "" && !g.Forgotten && g.Revoked.IsZero()
}

// forget has the user asked again about app and patient of a grant that is revoked.
func (s *Service) forget(ctx context.Context, w *changes, revoked *Grant) error {
	all, err := s.Grants(ctx, revoked.User)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.ID != revoked.ID && g.remembers(revoked.Client, revoked.Context.Patient) {
			g.Forgotten = true
			g.put(w)
		}
	}
	return nil
}
