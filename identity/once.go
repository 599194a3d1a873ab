package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// once is what lies between two requests of somebody who has not signed in yet.
// The browser keeps it, encrypted, so that whoever only begins, however often,
// costs the database nothing. It serves once.
type once struct {
	Expires time.Time       `json:"expires"`
	Body    json.RawMessage `json:"body"`
}

const kindSpent = "spent" // by hash of what was sealed

// errSpent is why a token is not taken back: it is made up, another purpose's,
// too old, or spent.
var errSpent = errors.New("it was not begun in this browser, took too long or has been completed; start again")

// giveOut seals a body into a token that takeBack takes for the same purpose
// within life.
func (s *Service) giveOut(prefix string, life time.Duration, body any) (token string, err error) {
	o := once{Expires: s.now().Add(life)}
	if o.Body, err = json.Marshal(body); err != nil {
		return "", err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	sealed, err := s.config.Secret.seal(s.oncePurpose(prefix), text)
	return prefix + base64.RawURLEncoding.EncodeToString(sealed), err
}

func (s *Service) oncePurpose(prefix string) string { return "once " + prefix + " " + s.config.Issuer }

// takeBack decodes a token's body and spends it; errSpent.
func (s *Service) takeBack(ctx context.Context, prefix string, life time.Duration, token string, into any) error {
	encoded, ok := strings.CutPrefix(token, prefix)
	sealed, err := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return errSpent
	}
	text, err := s.config.Secret.open(s.oncePurpose(prefix), sealed)
	if err != nil {
		return errSpent
	}
	var o once
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	if err := json.Unmarshal(o.Body, into); err != nil {
		return err
	}
	if !s.fresh(o.Expires, life) {
		return errSpent
	}
	// Of the sealed bytes, since several texts stand for the same ones.
	var c changes
	c.put(kindSpent, hashed(string(sealed)), 0, struct{}{}, o.Expires.Add(forgotten))
	if err = s.write(ctx, &c); errors.Is(err, ErrConflict) {
		return errSpent
	}
	return err
}
