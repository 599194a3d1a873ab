package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// Prefixes tell what a secret is, to people and to scanners of leaked secrets.
const (
	sessionPrefix = "igl_se_"
	pendingPrefix = "igl_pe_"
	linkPrefix    = "igl_li_"
	outsidePrefix = "igl_os_"
)

// newSecret is 256 random bits behind a prefix.
func newSecret(prefix string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// hashed is how a secret is stored, and the id of what it stands for.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
