package identity

import (
	"crypto/rand"
	"encoding/base64"
)

// newID makes an id of 128 random bits, which names a thing and opens nothing.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
