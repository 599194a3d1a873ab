package identity

import (
	"cmp"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

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

	ceremonyPrefix = "igl_pk_"
	ceremonyLife   = 5 * time.Minute
)

// ceremony is a registration or sign-in with a passkey that is under way.
type ceremony struct {
	Register bool   `json:"register,omitempty"`
	User     string `json:"user,omitempty"` // "" for a sign-in with a passkey alone
	// Generation of the user who registers: the session that began has not ended.
	Generation int64                `json:"generation,omitempty"`
	Pending    string               `json:"pending,omitempty"` // hash of the sign-in that it completes
	Session    webauthn.SessionData `json:"session"`
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
