package identity

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func sign(t *testing.T, ctx context.Context, s *Service, alg jose.SignatureAlgorithm, now time.Time) string {
	t.Helper()
	token, err := s.Sign(ctx, alg, "JWT", map[string]any{"sub": "noor", "exp": now.Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// verify verifies as an app does: by kid, with the JWKS as published.
func verify(t *testing.T, ctx context.Context, s *Service, token string) (kid string) {
	t.Helper()
	set, err := s.JWKS(ctx)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var published jose.JSONWebKeySet
	if err := json.Unmarshal(text, &published); err != nil {
		t.Fatal(err)
	}
	signed, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		t.Fatal(err)
	}
	kid = signed.Headers[0].KeyID
	keys := published.Key(kid)
	if len(keys) != 1 {
		t.Fatalf("%d keys %q in the JWKS", len(keys), kid)
	}
	var claims jwt.Claims
	if err := signed.Claims(keys[0], &claims); err != nil || claims.Subject != "noor" {
		t.Fatalf("%+v, %v", claims, err)
	}
	return kid
}

func TestWhatIsSignedIsVerifiedWithTheJWKS(t *testing.T) {
	h := openHouse(t, Config{})
	for _, alg := range algorithms {
		verify(t, h.ctx, h.Service, sign(t, h.ctx, h.Service, alg, h.clock.now()))
	}
	set, err := h.JWKS(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if !k.IsPublic() || k.Use != "sig" || k.KeyID == "" {
			t.Errorf("%+v", k)
		}
		if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < 2048 {
			t.Error(r.N.BitLen())
		}
	}
	text, err := json.Marshal(set)
	if err != nil || strings.Contains(string(text), `"d":`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestKeysAreRotatedInEveryProcessWithoutBreakingTokens(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		old := map[jose.SignatureAlgorithm]string{}
		for _, alg := range algorithms {
			old[alg] = sign(t, a.ctx, b.Service, alg, a.clock.now())
		}
		if err := a.RotateKeys(a.ctx); err != nil {
			t.Fatal(err)
		}
		for _, alg := range algorithms {
			before := verify(t, a.ctx, b.Service, old[alg])
			if after := verify(t, a.ctx, a.Service, sign(t, a.ctx, b.Service, alg, a.clock.now())); after == before {
				t.Errorf("%s: the old key signs", alg)
			}
		}
		a.clock.jump(MaxSigned)
		verify(t, a.ctx, b.Service, old[jose.RS256])
		a.clock.jump(2*maxSkew + time.Second)
		if err := a.Sweep(a.ctx); err != nil {
			t.Fatal(err)
		}
		for _, h := range []house{a, b} {
			if keys, err := h.SigningKeys(h.ctx); err != nil || len(keys) != len(algorithms) {
				t.Errorf("%d keys, %v", len(keys), err)
			}
		}
		items, err := a.config.Store.ListItems(a.ctx, kindSigningKey, "", 10)
		if err != nil || len(items) != len(algorithms) {
			t.Errorf("%d kept, %v", len(items), err)
		}
	})
}

func TestKeysThatTwoProcessesRotateAtOnceAreOneOfAnAlgorithm(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		var wait sync.WaitGroup
		for _, h := range []house{a, b, a, b} {
			wait.Go(func() {
				if err := h.RotateKeys(h.ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for _, h := range []house{a, b} {
			keys, err := h.SigningKeys(h.ctx)
			if err != nil {
				t.Fatal(err)
			}
			signing := map[jose.SignatureAlgorithm]int{}
			for _, k := range keys {
				if k.Retired.IsZero() {
					signing[k.Algorithm]++
				}
			}
			for _, alg := range algorithms {
				if signing[alg] != 1 {
					t.Errorf("%d keys sign %s", signing[alg], alg)
				}
			}
		}
	})
}

func TestNothingIsSignedForLongerThanItsKeyIsPublished(t *testing.T) {
	h := openHouse(t, Config{})
	for _, claims := range []any{
		map[string]any{"exp": h.clock.now().Add(MaxSigned + time.Minute).Unix()},
		map[string]any{"sub": "noor"},
		map[string]any{"exp": "tomorrow"},
		[]int{1},
	} {
		if token, err := h.Sign(h.ctx, jose.RS256, "JWT", claims); err == nil {
			t.Errorf("%v: %s", claims, token)
		}
	}
}

func TestOtherAlgorithmsAreRefused(t *testing.T) {
	h := openHouse(t, Config{})
	for _, alg := range []jose.SignatureAlgorithm{"none", jose.HS256, jose.RS384, jose.ES256, ""} {
		if _, err := h.Sign(h.ctx, alg, "JWT", map[string]any{"exp": h.clock.now().Unix() + 60}); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%q: %v", alg, err)
		}
	}
}

func TestPrivateKeysAreStoredEncrypted(t *testing.T) {
	h := openHouse(t, Config{})
	if _, err := h.JWKS(h.ctx); err != nil { // makes the first keys
		t.Fatal(err)
	}
	items, err := h.config.Store.ListItems(h.ctx, kindSigningKey, "", 10)
	if err != nil || len(items) != 2 {
		t.Fatal(err)
	}
	for _, i := range items {
		var k signingKey
		if err := decode(i, &k); err != nil {
			t.Fatal(err)
		}
		if _, err := x509.ParsePKCS8PrivateKey(k.Sealed); err == nil {
			t.Error("in the clear")
		}
		der, err := h.config.Secret.open("signing key "+k.ID, k.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x509.ParsePKCS8PrivateKey(der); err != nil {
			t.Error(err)
		}
	}
}

func TestAnUnusableConfigurationIsRefused(t *testing.T) {
	path := t.TempDir() + "/key"
	for _, issuer := range []string{"", "ehr.example", "ftp://ehr.example", "https://ehr.example/", "https://ehr.example?a", "https://", "https://u@ehr.example", "https://ehr.example#a", "%"} {
		if _, err := Open(t.Context(), Config{Store: sqliteStore(t), Issuer: issuer, Secret: NewKeyFile(path)}); err == nil {
			t.Errorf("%q", issuer)
		}
	}
	if _, err := Open(t.Context(), Config{Issuer: "https://ehr.example"}); err == nil {
		t.Error("without store and key file")
	}
}
