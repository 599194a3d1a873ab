package auth

import (
	"errors"

	"github.com/inglehealth/ingle/identity"
)

// silent answers a request for which no page may be shown (prompt=none, OpenID
// Connect Core §3.1.2.1): whoever is signed in has allowed it before. A *Refused
// says which step would need the user.
func (c *call) silent(client *identity.Client, r *identity.Request) error {
	session, err := c.session(r)
	if err != nil {
		return err
	}
	p := &progress{call: c, request: r, client: client, session: session}
	for _, s := range steps {
		due, err := s.due(p)
		if err != nil {
			return err
		}
		if due {
			return identity.Refuse(s.required, "this needs the user, for the step %s", s.name)
		}
	}
	if _, err := c.Identity.StartRequest(c.r.Context(), r); err != nil {
		return err
	}
	code, err := c.Identity.Authorize(c.r.Context(), identity.Authorization{
		Request: r, Session: session, Scopes: p.allowed, Context: p.context(p.allowed), Earlier: p.earlier,
	})
	switch {
	case errors.Is(err, identity.ErrConflict):
		return identity.Refuse(identity.TemporarilyUnavailable, "what the user allowed has changed just now; try again")
	case errors.Is(err, identity.ErrAnswered), errors.Is(err, identity.ErrLaunch):
		return identity.Refuse(identity.InvalidRequest, "launch was used before; launch the app again from the record system")
	case err != nil:
		return err
	}
	return c.redirectCode(r.Redirect, string(r.State), code)
}
