package records

import (
	"context"
	"errors"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/smart"
)

// Standing says for whom work goes on when nobody is there any more who holds a
// token: an export, a subscription. It is small, and kept with the work as JSON. What
// it allows is asked of Sessions each time, and is what is allowed then.
type Standing struct {
	Client  string       `json:"client,omitempty"`
	User    string       `json:"user,omitempty"`
	Patient string       `json:"patient,omitempty"` // in context
	Grant   string       `json:"grant,omitempty"`   // what the user allowed the client
	Key     string       `json:"key,omitempty"`     // of the token of an administrator's script, with which the work ends
	Token   string       `json:"token,omitempty"`   // what the audit log calls the token that the work was asked for with
	Name    string       `json:"name,omitempty"`    // of the user, client or script, for display
	Scopes  smart.Scopes `json:"scopes,omitempty"`  // of the token
	Purpose string       `json:"purpose,omitempty"` // of use, of a client's own token
}

// Same says whether two are of the same user with the same client, be it by another
// token: who may look after work is who asked for it.
func (s Standing) Same(as Standing) bool {
	return s.Client == as.Client && s.User == as.User && s.Key == as.Key
}

// Subscriber is whose the Subscriptions are that are made with it.
func (s Standing) Subscriber() access.Subscriber {
	return access.Subscriber{Client: s.Client, User: s.User, Key: s.Key, Patient: s.Patient}
}

// ErrStanding is in the chain of the error about a Standing that allows nothing any
// more: its app is suspended, its user disabled, its grant revoked.
var ErrStanding = errors.New("records: nothing is allowed any more to whom the work is for")

// Sessions opens the sessions of those for whom work goes on.
type Sessions interface {
	// Stand opens the session that a Standing comes to at this moment; ErrStanding. It
	// is cheap: callers ask for each part of their work, and keep no session.
	Stand(ctx context.Context, door *Door, s Standing) (*Session, error)
}

// OpenSessions are those of a server that asks nobody who they are: they may do
// everything.
type OpenSessions struct{}

// Stand implements Sessions.
func (OpenSessions) Stand(_ context.Context, door *Door, s Standing) (*Session, error) {
	return door.Session(Principal{Standing: s}, nil), nil
}
