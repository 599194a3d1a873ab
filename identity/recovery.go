package identity

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"strings"
)

const (
	recoveryCodes = 10
	recoveryBytes = 10 // 16 characters of base32
)

// NewRecoveryCodes replaces a user's recovery codes.
func (s *Service) NewRecoveryCodes(ctx context.Context, user string) (recovery []string, err error) {
	err = s.change(ctx, user, false, func(a *account) error {
		if a.has.TOTP == nil {
			return ErrNotFound
		}
		recovery, a.has.Recovery = newRecovery()
		return nil
	})
	return recovery, err
}

// newRecovery makes recovery codes, as shown and as stored.
func newRecovery() (codes, hashes []string) {
	for range recoveryCodes {
		var b [recoveryBytes]byte
		_, _ = rand.Read(b[:]) // never fails
		code := base32.StdEncoding.EncodeToString(b[:])
		hashes = append(hashes, hashed(code))
		codes = append(codes, strings.ToLower(code[:4]+"-"+code[4:8]+"-"+code[8:12]+"-"+code[12:]))
	}
	return codes, hashes
}
