package records

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// Seal makes a text that every process of the tenant can Unseal for the same purpose,
// and nobody else read or make.
func (d *Door) Seal(purpose, text string) (string, error) {
	sealer, err := d.sealer()
	if err != nil {
		return "", err
	}
	nonce := make([]byte, sealer.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sealer.Seal(nonce, nonce, []byte(text), []byte(purpose))), nil
}

// Unseal returns what was sealed for a purpose.
func (d *Door) Unseal(purpose, sealed string) (text string, ok bool) {
	sealer, err := d.sealer()
	if err != nil {
		return "", false
	}
	all, err := base64.RawURLEncoding.DecodeString(sealed)
	n := sealer.NonceSize()
	if err != nil || len(all) < n {
		return "", false
	}
	plain, err := sealer.Open(nil, all[:n], all[n:], []byte(purpose))
	return string(plain), err == nil
}

// sealer has a key of its own, made of the tenant's.
func (d *Door) sealer() (cipher.AEAD, error) {
	h := hmac.New(sha256.New, d.cursors.key)
	h.Write([]byte("ingle seals"))
	block, err := aes.NewCipher(h.Sum(nil))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
