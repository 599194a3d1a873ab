// Package passkeytest answers for a browser and a device with a passkey (WebAuthn Level 2), for the tests of sign-ins.
package passkeytest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Authenticator is a device with one passkey, and the browser before it.
type Authenticator struct {
	Key      *ecdsa.PrivateKey
	ID       []byte // of the passkey
	Handle   []byte // of the user; Create learns it
	Origin   string // of the page that asks
	Count    uint32 // of uses
	Verified bool   // it knows its user
}

// New makes one with a key of its own that knows its user.
func New(t testing.TB, origin string) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &Authenticator{Key: key, ID: id, Origin: origin, Verified: true}
}

var b64 = base64.RawURLEncoding

// challenge reads what the page hands to the browser.
func challenge(t testing.TB, options json.RawMessage) (text, rp string, handle []byte) {
	t.Helper()
	var o struct {
		PublicKey struct {
			Challenge string `json:"challenge"`
			RPID      string `json:"rpId"`
			RP        struct {
				ID string `json:"id"`
			} `json:"rp"`
			User struct {
				ID string `json:"id"`
			} `json:"user"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	handle, err := b64.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	return o.PublicKey.Challenge, o.PublicKey.RPID + o.PublicKey.RP.ID, handle
}

func (a *Authenticator) clientData(t testing.TB, kind, challenge string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (a *Authenticator) data(rp string, attested []byte) []byte {
	sum := sha256.Sum256([]byte(rp))
	flags := byte(1) // present
	if a.Verified {
		flags |= 4
	}
	if attested != nil {
		flags |= 0x40
	}
	return append(binary.BigEndian.AppendUint32(append(sum[:], flags), a.Count), attested...)
}

// Create answers navigator.credentials.create.
func (a *Authenticator) Create(t testing.TB, options json.RawMessage) []byte {
	t.Helper()
	text, rp, handle := challenge(t, options)
	a.Handle = handle
	point, err := a.Key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	key, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	attested := make([]byte, 16) // no model
	attested = binary.BigEndian.AppendUint16(attested, uint16(len(a.ID)))
	attested = append(append(attested, a.ID...), key...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": a.data(rp, attested)})
	if err != nil {
		t.Fatal(err)
	}
	return a.answer(t, map[string]any{"attestationObject": b64.EncodeToString(object), "clientDataJSON": b64.EncodeToString(a.clientData(t, "webauthn.create", text))})
}

// Get answers navigator.credentials.get.
func (a *Authenticator) Get(t testing.TB, options json.RawMessage) []byte {
	t.Helper()
	text, rp, _ := challenge(t, options)
	a.Count++
	client, data := a.clientData(t, "webauthn.get", text), a.data(rp, nil)
	clientSum := sha256.Sum256(client)
	sum := sha256.Sum256(append(bytes.Clone(data), clientSum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.Key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return a.answer(t, map[string]any{
		"authenticatorData": b64.EncodeToString(data), "clientDataJSON": b64.EncodeToString(client),
		"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(a.Handle),
	})
}

func (a *Authenticator) answer(t testing.TB, response map[string]any) []byte {
	t.Helper()
	id := b64.EncodeToString(a.ID)
	text, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		t.Fatal(err)
	}
	return text
}
