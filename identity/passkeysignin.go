package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// BeginPasskeySignIn begins a sign-in with a passkey: as second factor of the
// sign-in that pending stands for, or, where that is "", alone. Options are for
// navigator.credentials.get, the token for FinishPasskeySignIn. ErrPending,
// ErrNoPasskeys.
func (s *Service) BeginPasskeySignIn(ctx context.Context, pending string) (options json.RawMessage, token string, err error) {
	if s.passkeys == nil {
		return nil, "", ErrNoPasskeys
	}
	if pending == "" {
		// Alone, it has to be two factors: the device, and what unlocks it.
		assertion, session, err := s.passkeys.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
		if err != nil {
			return nil, "", err
		}
		return s.beginCeremony(assertion, ceremony{Session: *session})
	}
	p, a, _, err := s.pending(ctx, pending)
	if err != nil {
		return nil, "", err
	}
	if len(a.has.Passkeys) == 0 {
		return nil, "", fmt.Errorf("%w: the user has none", ErrPasskey)
	}
	assertion, session, err := s.passkeys.BeginLogin(relied{a}, webauthn.WithUserVerification(protocol.VerificationPreferred))
	if err != nil {
		return nil, "", err
	}
	return s.beginCeremony(assertion, ceremony{User: p.User, Pending: hashed(pending), Session: *session})
}

// FinishPasskeySignIn completes what BeginPasskeySignIn began, with the same
// pending, of what the browser answered. The sign-in is complete. ErrPasskey,
// ErrPending, ErrDisabled, a *WaitError.
func (s *Service) FinishPasskeySignIn(ctx context.Context, token, pending string, answer []byte, from Origin) (_ *SignIn, err error) {
	defer s.counts.signIn("passkey", &err)
	paid, err := s.pay(from)
	if err != nil {
		return nil, err
	}
	c, err := s.takeCeremony(ctx, token)
	if err != nil {
		return nil, err
	}
	if c.Register || (c.Pending == "") != (pending == "") || pending != "" && hashed(pending) != c.Pending {
		return nil, fmt.Errorf("%w: it belongs to another sign-in", ErrPasskey)
	}
	if len(answer) > maxPasskeyJSON {
		return nil, fmt.Errorf("%w: the answer is too long", ErrPasskey)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, passkeyError(err)
	}
	if pending == "" {
		return s.passkeyAlone(ctx, c, parsed, paid, from)
	}
	p, a, version, err := s.pending(ctx, pending)
	if err != nil {
		return nil, err
	}
	credential, err := s.passkeys.ValidateLogin(relied{a}, c.Session, parsed)
	if err != nil {
		return nil, passkeyError(err)
	}
	if err := s.usePasskey(a, credential); err != nil {
		return nil, err
	}
	return s.finishPending(ctx, pending, version, p, a, MethodPasskey, s.counting(paid, a, from))
}

func (s *Service) passkeyAlone(ctx context.Context, c *ceremony, parsed *protocol.ParsedCredentialAssertionData, paid tried, from Origin) (*SignIn, error) {
	var a *account
	var unread error
	_, credential, err := s.passkeys.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		a, unread = s.account(ctx, string(handle))
		return relied{a}, unread
	}, c.Session, parsed)
	switch {
	case unread != nil && !errors.Is(unread, ErrNotFound):
		return nil, unread
	case err != nil:
		return nil, passkeyError(err)
	}
	if err := s.usePasskey(a, credential); err != nil {
		return nil, err
	}
	var w changes
	w.putCredentials(a)
	if err := s.write(ctx, &w); errors.Is(err, ErrConflict) {
		return nil, fmt.Errorf("%w: the user was changed at the same time; start again", ErrPasskey)
	} else if err != nil {
		return nil, err
	}
	return s.signedIn(ctx, a, []string{MethodPasskey, MethodPresence, MethodMulti}, s.counting(paid, a, from))
}

// usePasskey notes the use of a passkey. One whose counter does not go up may
// have been copied; ErrPasskey.
func (s *Service) usePasskey(a *account, c *webauthn.Credential) error {
	id := base64.RawURLEncoding.EncodeToString(c.ID)
	n := slices.IndexFunc(a.has.Passkeys, func(p passkey) bool { return p.ID == id })
	if n < 0 {
		return ErrPasskey
	}
	if c.Authenticator.CloneWarning {
		return fmt.Errorf("%w: its counter of uses went back, as that of a copy does; remove it and register it again", ErrPasskey)
	}
	a.has.Passkeys[n].Credential, a.has.Passkeys[n].Used = *c, s.now()
	return nil
}
