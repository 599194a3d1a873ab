package identity

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/store"
)

// signing is what a process knows of the keys, as of an epoch of the store.
type signing struct {
	mu    sync.Mutex
	known bool
	epoch int64
	keys  []*SigningKey
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
	n := signerOf(keys, alg)
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

// signerOf finds the key that signs by an algorithm; -1 when there is none.
func signerOf(keys []*SigningKey, alg jose.SignatureAlgorithm) int {
	return slices.IndexFunc(keys, func(k *SigningKey) bool { return k.Algorithm == alg && k.Retired.IsZero() })
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
		if err == nil && slices.ContainsFunc(algorithms, func(alg jose.SignatureAlgorithm) bool { return signerOf(keys, alg) < 0 }) {
			if err = s.makeSigningKeys(ctx); err == nil {
				keys, err = s.readSigningKeys(ctx)
			}
		}
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
