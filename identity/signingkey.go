package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those that Ingle signs with, and has a key for each.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES384}

// MaxSigned is the longest life of what Sign signs. Keys that no longer sign
// stay in the JWKS for so long, and a little more.
const MaxSigned = 24 * time.Hour

const (
	kindSigningKey = "signing-key" // by key id
	kindSigner     = "signer"      // by algorithm: the key that signs now
	rsaBits        = 2048
)

// SigningKey is a key as administrators see it.
type SigningKey struct {
	ID        string                  `json:"id"` // kid: the thumbprint (RFC 7638)
	Algorithm jose.SignatureAlgorithm `json:"alg"`
	Created   time.Time               `json:"created"`
	Retired   time.Time               `json:"retired,omitzero"` // when it stopped signing; zero: it signs
	Expires   time.Time               `json:"expires,omitzero"` // when it leaves the JWKS

	public  jose.JSONWebKey
	private crypto.Signer
}

// signingKey is the body of a kindSigningKey.
type signingKey struct {
	SigningKey
	Sealed []byte `json:"sealed"` // PKCS #8
}

// signer is the body of a kindSigner.
type signer struct {
	Key string `json:"key"`
}

// makeSigningKeys makes the keys that are missing. Of several processes that do
// so at once, one prevails.
func (s *Service) makeSigningKeys(ctx context.Context) error {
	for _, alg := range algorithms {
		if _, err := s.read(ctx, kindSigner, string(alg), &signer{}); err == nil {
			continue
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		c := changes{epoch: true}
		if err := s.addSigningKey(&c, alg, 0); err != nil {
			return err
		}
		if err := s.write(ctx, &c); err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return nil
}

// addSigningKey adds a new key to c, which signs from now on.
func (s *Service) addSigningKey(c *changes, alg jose.SignatureAlgorithm, expect int64) error {
	var private crypto.Signer
	var err error
	switch alg {
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case jose.ES384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		err = ErrAlgorithm
	}
	if err != nil {
		return err
	}
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	k := signingKey{SigningKey: SigningKey{ID: base64.RawURLEncoding.EncodeToString(thumbprint), Algorithm: alg, Created: s.now()}}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if k.Sealed, err = s.config.Secret.seal("signing key "+k.ID, der); err != nil {
		return err
	}
	c.put(kindSigningKey, k.ID, 0, k, time.Time{})
	c.put(kindSigner, string(alg), expect, signer{k.ID}, time.Time{})
	return nil
}

// RotateKeys makes a new key for each algorithm, which signs from now on in every
// process. The old ones stay in the JWKS until all they signed has expired.
func (s *Service) RotateKeys(ctx context.Context) error {
	if err := s.makeSigningKeys(ctx); err != nil {
		return err
	}
	return again(func() error {
		now := s.now()
		c := changes{epoch: true}
		for _, alg := range algorithms {
			var is signer
			version, err := s.read(ctx, kindSigner, string(alg), &is)
			if err != nil {
				return err
			}
			var old signingKey
			oldVersion, err := s.read(ctx, kindSigningKey, is.Key, &old)
			if err != nil {
				return err
			}
			old.Retired, old.Expires = now, now.Add(MaxSigned+maxSkew)
			c.put(kindSigningKey, old.ID, oldVersion, old, old.Expires)
			if err := s.addSigningKey(&c, alg, version); err != nil {
				return err
			}
		}
		return s.write(ctx, &c)
	})
}
