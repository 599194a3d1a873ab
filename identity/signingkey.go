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
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/store"
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

// signing is what a process knows of the keys, as of an epoch of the store.
type signing struct {
	mu    sync.Mutex
	known bool
	epoch int64
	keys  []*SigningKey
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

// SigningKeys lists the keys of the JWKS, the newest first.
func (s *Service) SigningKeys(ctx context.Context) ([]SigningKey, error) {
	keys, err := s.signingKeys(ctx)
	all := make([]SigningKey, len(keys))
	for i, k := range keys {
		all[i] = *k
	}
	return all, err
}

// JWKS are the public keys that verify what Sign signed.
func (s *Service) JWKS(ctx context.Context) (jose.JSONWebKeySet, error) {
	keys, err := s.signingKeys(ctx)
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.public)
	}
	return set, err
}

// Sign signs claims, which have an exp of at most MaxSigned from now, as a JWT of
// a type ("JWT", "at+jwt"). ErrAlgorithm for an algorithm other than RS256 and
// ES384.
func (s *Service) Sign(ctx context.Context, alg jose.SignatureAlgorithm, typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("identity: claims: %w", err)
	}
	var life struct {
		Exp float64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &life); err != nil {
		return "", fmt.Errorf("identity: claims: %w", err)
	}
	if latest := s.now().Add(MaxSigned); life.Exp <= 0 || life.Exp > float64(latest.Unix()+1) {
		return "", fmt.Errorf("identity: claims are signed for at most %s", MaxSigned)
	}
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return "", err
	}
	n := slices.IndexFunc(keys, func(k *SigningKey) bool { return k.Algorithm == alg && k.Retired.IsZero() })
	if n < 0 {
		return "", fmt.Errorf("%w %q", ErrAlgorithm, alg)
	}
	key := jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: keys[n].private, KeyID: keys[n].ID}}
	signs, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	signed, err := signs.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// signingKeys returns the keys that have not expired. It reads them again when
// the epoch has changed, be it by another process.
func (s *Service) signingKeys(ctx context.Context) ([]*SigningKey, error) {
	epoch, err := s.config.Store.Epoch(ctx)
	if err != nil {
		return nil, err
	}
	g := &s.signing
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.known || g.epoch != epoch {
		keys, err := s.readSigningKeys(ctx)
		if err != nil {
			return nil, err
		}
		g.known, g.epoch, g.keys = true, epoch, keys
	}
	now := s.now()
	return slices.DeleteFunc(slices.Clone(g.keys), func(k *SigningKey) bool { return !k.Expires.IsZero() && !now.Before(k.Expires) }), nil
}

func (s *Service) readSigningKeys(ctx context.Context) ([]*SigningKey, error) {
	const most = 1000
	items, err := s.config.Store.ListItems(ctx, kindSigningKey, "", most)
	if err != nil {
		return nil, err
	}
	var keys []*SigningKey
	for _, i := range items {
		k, err := s.openSigningKey(i)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *SigningKey) int { return b.Created.Compare(a.Created) })
	return keys, nil
}

func (s *Service) openSigningKey(i store.Item) (*SigningKey, error) {
	var k signingKey
	if err := decode(i, &k); err != nil {
		return nil, err
	}
	der, err := s.config.Secret.open("signing key "+k.ID, k.Sealed)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	var ok bool
	if k.private, ok = private.(crypto.Signer); !ok {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, ErrAlgorithm)
	}
	k.public = jose.JSONWebKey{Key: k.private.Public(), KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
	return &k.SigningKey, nil
}
