package auth

import (
	"cmp"
	"context"
	"errors"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// standing is for whom work goes on that is asked for with a token.
func standing(a *identity.Access) records.Standing {
	n := a.Standing()
	return records.Standing{
		Client: n.Client, User: a.User, Grant: n.Grant, Key: n.Key, Token: n.Token, Name: cmp.Or(a.UserName, a.ClientName), Scopes: n.Scopes, Purpose: n.Purpose,
	}
}

// Stand implements records.Sessions.
func (s *Server) Stand(ctx context.Context, door *records.Door, n records.Standing) (*records.Session, error) {
	t := s.tenant(door.Name())
	if t == nil {
		return nil, ended("this server does not know the tenant any more")
	}
	a, err := t.Identity.Stand(ctx, identity.Standing{Client: n.Client, Grant: n.Grant, Token: n.Token, Key: n.Key, Scopes: n.Scopes, Purpose: n.Purpose})
	switch {
	case errors.Is(err, identity.ErrToken) && n.Grant != "":
		return nil, ended("what the user allowed the app has ended, or the user or the app is disabled")
	case errors.Is(err, identity.ErrToken) && n.Client != "":
		return nil, ended("the app is suspended or removed")
	case errors.Is(err, identity.ErrToken):
		return nil, ended("the access token that this was asked for with has ended")
	case err != nil:
		return nil, err
	}
	acts, err := t.acts(ctx, a)
	if err != nil {
		return nil, err
	}
	if !acts {
		return nil, ended("the user may no longer act for the patient")
	}
	return t.session(ctx, a)
}

func ended(why string) error {
	return fault.Wrap(records.ErrStanding, fault.Forbidden, fault.CodeForbidden, "", "This has ended: %s.", why)
}
