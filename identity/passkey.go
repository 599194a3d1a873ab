package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Passkey is one of a user's passkeys (Web Authentication, Level 3).
type Passkey struct {
	ID      string    `json:"id"` // base64url
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
}

// passkey is a Passkey as stored.
type passkey struct {
	Passkey
	Credential webauthn.Credential `json:"credential"`
}

const (
	maxPasskeys    = 20       // of a user
	maxPasskeyJSON = 64 << 10 // bytes of what a browser answers

	kindCeremony   = "ceremony" // by hash of its token
	ceremonyPrefix = "igl_pk_"
	ceremonyLife   = 5 * time.Minute
)

// ceremony is a registration or sign-in with a passkey that is under way.
type ceremony struct {
	Register bool                 `json:"register,omitempty"`
	User     string               `json:"user,omitempty"`    // "" for a sign-in with a passkey alone
	Pending  string               `json:"pending,omitempty"` // hash of the sign-in that it completes
	Session  webauthn.SessionData `json:"session"`
	Expires  time.Time            `json:"expires"`
}

// relyingParty is nil where browsers have no passkeys: without https, but for
// localhost, and for IP addresses.
func relyingParty(issuer *url.URL) *webauthn.WebAuthn {
	if issuer.Scheme != "https" && issuer.Hostname() != "localhost" {
		return nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: issuer.Hostname(), RPDisplayName: issuer.Hostname(), RPOrigins: []string{issuer.Scheme + "://" + issuer.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
	})
	if err != nil {
		return nil
	}
	return w
}

// relied is an account as the library wants it.
type relied struct{ *account }

func (r relied) WebAuthnID() []byte          { return []byte(r.user.ID) }
func (r relied) WebAuthnName() string        { return r.user.Login }
func (r relied) WebAuthnDisplayName() string { return cmp.Or(r.user.Name, r.user.Login) }
func (r relied) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(r.has.Passkeys))
	for i, p := range r.has.Passkeys {
		all[i] = p.Credential
	}
	return all
}

func passkeyKeys(all []passkey) []store.ItemKey {
	keys := make([]store.ItemKey, len(all))
	for i, p := range all {
		keys[i] = store.ItemKey{Name: "passkey", Value: p.ID}
	}
	return keys
}

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
	if len(a.has.Passkeys) >= maxPasskeys {
		return nil, "", fault.New(fault.Unprocessable, fault.CodeBusinessRule, "passkey", "a user has at most %d passkeys; remove one", maxPasskeys)
	}
	known := make([]protocol.CredentialDescriptor, len(a.has.Passkeys))
	for i, p := range a.has.Passkeys {
		known[i] = p.Credential.Descriptor()
	}
	creation, session, err := s.passkeys.BeginRegistration(relied{a}, webauthn.WithExclusions(known))
	if err != nil {
		return nil, "", err
	}
	return s.beginCeremony(ctx, creation, ceremony{Register: true, User: user, Session: *session})
}

func (s *Service) beginCeremony(ctx context.Context, options any, c ceremony) (json.RawMessage, string, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, "", err
	}
	token := newSecret(ceremonyPrefix)
	c.Expires = s.now().Add(ceremonyLife)
	var w changes
	w.put(kindCeremony, hashed(token), 0, c, c.Expires)
	return text, token, s.write(ctx, &w)
}

// takeCeremony reads and removes a ceremony: it serves once. ErrPasskey.
func (s *Service) takeCeremony(ctx context.Context, token string) (*ceremony, error) {
	if s.passkeys == nil {
		return nil, ErrNoPasskeys
	}
	c := &ceremony{}
	version, err := s.read(ctx, kindCeremony, hashed(token), c)
	if errors.Is(err, ErrNotFound) || err == nil && !s.fresh(c.Expires, ceremonyLife) {
		return nil, fmt.Errorf("%w: it took too long, or has been completed; start again", ErrPasskey)
	}
	if err != nil {
		return nil, err
	}
	var w changes
	w.remove(kindCeremony, hashed(token), version)
	if err := s.write(ctx, &w); errors.Is(err, ErrConflict) {
		return nil, fmt.Errorf("%w: it has been completed; start again", ErrPasskey)
	} else if err != nil {
		return nil, err
	}
	return c, nil
}

// FinishPasskey registers what the browser answered, under a name for people.
// ErrPasskey says why not; ErrConflict when another user has it.
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
