package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

const (
	kindCode   = "code"
	codePrefix = "igl_ac_"
)

// issuedCode is an authorization code that was issued.
type issuedCode struct {
	Grant     string    `json:"grant"`
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	Challenge string    `json:"challenge,omitempty"`
	Expires   time.Time `json:"expires"`
	Used      time.Time `json:"used,omitzero"`
}

// Authorization is what a user allowed, ready to become a grant.
type Authorization struct {
	Request *Request // what the app asked for; it is answered by this
	Session *Session // of the user
	Scopes  smart.Scopes
	Context smart.Context
	Until   time.Time // how long the user allows it; zero for as long as it is used
	// Earlier is the grant by which the user allowed it before, and for as long;
	// nil when the user was asked.
	Earlier *Grant
}

// Authorize makes a grant and the code for it. The request, and the launch that
// it came from, are used up by that: ErrAnswered when one of them was already.
// With Earlier that is ErrConflict, and so is a change of Earlier since it was read.
func (s *Service) Authorize(ctx context.Context, a Authorization) (string, error) {
	now := s.now()
	r := *a.Request
	g := &Grant{
		ID: newID(), Client: r.Client, User: a.Session.UserID, UserGeneration: a.Session.Generation, Session: a.Session.ID,
		Scopes: a.Scopes, Context: a.Context, Nonce: r.Nonce, Purpose: r.Purpose, AuthTime: a.Session.Created, Methods: a.Session.Methods,
		Created: now, Used: now, Until: a.Until, Expires: now.Add(codeFor),
	}
	secret := newSecret(codePrefix)
	c := issuedCode{Grant: g.ID, Client: r.Client, Redirect: r.Redirect, Challenge: r.Challenge, Expires: g.Expires}
	r.Answered = now

	var w changes
	if e := a.Earlier; e != nil {
		asked := *e
		g.Consent, g.Until = e.ID, e.Until
		asked.Used, asked.Expires = now, latest(e.Expires, a.Session.Expires)
		asked.put(&w)
	}
	g.put(&w)
	w.put(kindCode, hashed(secret), 0, c, c.Expires)
	r.put(&w)
	if r.Launch != "" {
		if err := s.takeLaunch(ctx, &w, r.Launch); err != nil {
			return "", err
		}
	}
	if err := s.write(ctx, &w); errors.Is(err, ErrConflict) && a.Earlier == nil {
		return "", ErrAnswered
	} else if err != nil {
		return "", err
	}
	return secret, nil
}

// Exchange gives tokens for a code (RFC 6749 §4.1.3, RFC 7636 §4.6). A code is
// good once: when it comes again, its grant ends. resource is that of RFC 8707,
// "" for this server. A *Refused says what is wrong.
func (s *Service) Exchange(ctx context.Context, c *Client, secret, redirect, verifier, resource string) (*Tokens, error) {
	id := hashed(secret)
	var found issuedCode
	version, err := s.read(ctx, kindCode, id, &found)
	if errors.Is(err, ErrNotFound) || err == nil && found.Client != c.ID {
		return nil, errCode() // which says nothing of whose it may be
	}
	if err != nil {
		return nil, err
	}
	now := s.now()
	if !found.Used.IsZero() {
		return nil, s.replayed(ctx, found.Grant)
	}
	switch {
	case !now.Before(found.Expires):
		return nil, errCode()
	case redirect != found.Redirect:
		return nil, Refuse(InvalidGrant, "redirect_uri is another than that of the authorization request")
	}
	if err := checkVerifier(found.Challenge, verifier); err != nil {
		return nil, err
	}
	g, u, err := s.liveGrant(ctx, found.Grant)
	if err != nil {
		return nil, err
	}
	i := issue{client: c, grant: g, user: u, scopes: g.Scopes, resource: resource, now: now}
	found.Used = now
	i.w.put(kindCode, id, version, found, now.Add(keptAfter))
	tokens, err := s.issue(ctx, &i)
	if errors.Is(err, ErrConflict) {
		return nil, s.replayed(ctx, found.Grant) // another request was faster
	}
	return tokens, err
}

// replayed ends the grant of a code that came twice (RFC 6749 §4.1.2).
func (s *Service) replayed(ctx context.Context, grant string) error {
	// The client that is gone must not stop what protects the user.
	if err := s.RevokeGrant(context.WithoutCancel(ctx), grant, "an authorization code was used twice"); err != nil && !errors.Is(err, ErrNoGrant) {
		return err
	}
	return Refuse(InvalidGrant, "the code was used before; all that came of it has ended")
}

func errCode() error {
	return Refuse(InvalidGrant, "the code is unknown or has expired: it is good for %v and once", codeFor)
}

// checkVerifier compares a code_verifier with the code_challenge of S256 (RFC
// 7636 §4.6). Without a challenge there must be no verifier: whoever sends one
// believes that there was a challenge, which somebody has taken away.
func checkVerifier(challenge, verifier string) error {
	if challenge == "" {
		if verifier != "" {
			return Refuse(InvalidGrant, "the authorization request had no code_challenge, so there is no code_verifier")
		}
		return nil
	}
	if verifier == "" {
		return Refuse(InvalidGrant, "code_verifier is missing")
	}
	if !validVerifier(verifier) {
		return Refuse(InvalidGrant, "a code_verifier has 43 to 128 letters, digits and - . _ ~")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) != 1 {
		return Refuse(InvalidGrant, "code_verifier does not belong to the code_challenge")
	}
	return nil
}

// validVerifier says whether text is a code_verifier (RFC 7636 §4.1).
func validVerifier(text string) bool {
	if len(text) < 43 || len(text) > 128 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~') {
			return false
		}
	}
	return true
}
