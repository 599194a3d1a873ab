package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Passkeys lists a user's passkeys.
func (s *Service) Passkeys(ctx context.Context, user string) ([]Passkey, error) {
	a, err := s.account(ctx, user)
	if err != nil {
		return nil, err
	}
	all := make([]Passkey, len(a.has.Passkeys))
	for i, p := range a.has.Passkeys {
		all[i] = p.Passkey
	}
	return all, nil
}

// BeginPasskey begins to register a passkey for a user who is signed in: options
// are for navigator.credentials.create, the token for FinishPasskey.
// ErrNoPasskeys.
func (s *Service) BeginPasskey(ctx context.Context, user string) (options json.RawMessage, token string, err error) {
	if s.passkeys == nil {
		return nil, "", ErrNoPasskeys
	}
	a, err := s.account(ctx, user)
	if err != nil {
		return nil, "", err
	}
	if err := a.roomForPasskey(); err != nil {
		return nil, "", err
	}
	known := make([]protocol.CredentialDescriptor, len(a.has.Passkeys))
	for i, p := range a.has.Passkeys {
		known[i] = p.Credential.Descriptor()
	}
	creation, session, err := s.passkeys.BeginRegistration(relied{a}, webauthn.WithExclusions(known))
	if err != nil {
		return nil, "", err
	}
	return s.beginCeremony(creation, ceremony{Register: true, User: user, Generation: a.user.Generation, Session: *session})
}

func (s *Service) beginCeremony(options any, c ceremony) (json.RawMessage, string, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, "", err
	}
	token, err := s.giveOut(ceremonyPrefix, ceremonyLife, c)
	return text, token, err
}

// takeCeremony reads a ceremony, which serves once; ErrPasskey.
func (s *Service) takeCeremony(ctx context.Context, token string) (*ceremony, error) {
	if s.passkeys == nil {
		return nil, ErrNoPasskeys
	}
	c := &ceremony{}
	err := s.takeBack(ctx, ceremonyPrefix, ceremonyLife, token, c)
	if errors.Is(err, errSpent) {
		return nil, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	return c, err
}

// FinishPasskey registers what the browser answered, under a name for people.
// ErrPasskey says why not;
// ErrSession when the sessions of the user have ended since.
func (s *Service) FinishPasskey(ctx context.Context, user, token, name string, answer []byte) (*Passkey, error) {
	c, err := s.takeCeremony(ctx, token)
	if err != nil {
		return nil, err
	}
	if !c.Register || c.User != user {
		return nil, ErrPasskey
	}
	if len(answer) > maxPasskeyJSON {
		return nil, fmt.Errorf("%w: the answer is too long", ErrPasskey)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, passkeyError(err)
	}
	p := passkey{Passkey: Passkey{Name: cmp.Or(shorten(strings.TrimSpace(name), maxName), "passkey"), Created: s.now()}}
	err = s.change(ctx, user, false, func(a *account) error {
		if a.user.Generation != c.Generation {
			return ErrSession
		}
		if err := a.roomForPasskey(); err != nil {
			return err
		}
		credential, err := s.passkeys.CreateCredential(relied{a}, c.Session, parsed)
		if err != nil {
			return passkeyError(err)
		}
		p.ID, p.Credential = base64.RawURLEncoding.EncodeToString(credential.ID), *credential
		there, err := s.config.Store.FindItems(ctx, kindCredentials, store.ItemKey{Name: "passkey", Value: p.ID}, "", 1)
		if err != nil || len(there) > 0 {
			return cmp.Or(err, fmt.Errorf("%w: it is registered already", ErrPasskey))
		}
		a.has.Passkeys = append(a.has.Passkeys, p)
		return nil
	})
	return &p.Passkey, err
}

func (a *account) roomForPasskey() error {
	if len(a.has.Passkeys) >= maxPasskeys {
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "passkey", "a user has at most %d passkeys; remove one", maxPasskeys)
	}
	return nil
}

// passkeyError says why the library refused, for the log; its detail names no
// secret.
func passkeyError(err error) error {
	if e := (*protocol.Error)(nil); errors.As(err, &e) {
		return fmt.Errorf("%w: %s: %s", ErrPasskey, e.Details, e.DevInfo)
	}
	return fmt.Errorf("%w: %w", ErrPasskey, err)
}

// RemovePasskey takes a passkey from a user, whose sessions and grants end;
// ErrNotFound.
func (s *Service) RemovePasskey(ctx context.Context, user, id string) error {
	return s.change(ctx, user, true, func(a *account) error {
		n := len(a.has.Passkeys)
		a.has.Passkeys = slices.DeleteFunc(a.has.Passkeys, func(p passkey) bool { return p.ID == id })
		if len(a.has.Passkeys) == n {
			return ErrNotFound
		}
		return nil
	})
}
