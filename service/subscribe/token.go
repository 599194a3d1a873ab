package subscribe

import (
	"encoding/json"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// maxBound is how many subscriptions a connection is bound to, and one token for.
const maxBound = 100

// maxToken is how long a token may be, so that it fits into what is read of a
// subscriber.
const maxToken = 16 << 10

// Token binds a WebSocket to subscriptions (the guide's $get-ws-binding-token).
type Token struct {
	Text          string
	Until         time.Time
	Subscriptions []fhir.ID
	Address       string // URL of the WebSocket
}

// sealed is what a token holds.
type sealed struct {
	Subscriptions []fhir.ID        `json:"s"`
	Until         int64            `json:"u"` // seconds since 1970
	Standing      records.Standing `json:"w"`
}

// purpose is that of tokens.
const purpose = "websocket binding token"

// Token makes a token of subscriptions that the session has looked at.
func (s *Sockets) Token(session *records.Session, ids []fhir.ID) (Token, error) {
	if len(ids) > maxBound {
		return Token{}, fault.New(fault.Invalid, fault.CodeTooLong, "", "A token is for at most %d subscriptions; these are %d.", maxBound, len(ids))
	}
	until := s.config.Clock().Add(s.config.Valid).UTC().Truncate(time.Second)
	text, err := json.Marshal(sealed{ids, until.Unix(), session.Principal().Standing})
	if err != nil {
		return Token{}, err
	}
	t := Token{Until: until, Subscriptions: ids, Address: Address(session.Door())}
	if t.Text, err = session.Door().Seal(purpose, string(text)); err == nil && len(t.Text) > maxToken {
		err = fault.New(fault.Invalid, fault.CodeTooLong, "", "The token would be too long: ask for fewer subscriptions at once.")
	}
	return t, err
}

// opened reads a token that is valid now.
func (s *Sockets) opened(door *records.Door, text string) (t sealed, ok bool) {
	plain, ok := door.Unseal(purpose, text)
	if !ok || json.Unmarshal([]byte(plain), &t) != nil {
		return t, false
	}
	return t, s.config.Clock().Before(time.Unix(t.Until, 0))
}
