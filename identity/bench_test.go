package identity

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// BenchmarkSignIn is bound by BenchmarkHash; the rest is three small writes.
func BenchmarkSignIn(b *testing.B) {
	h := openHouse(b, Config{})
	h.hasher = newHasher(DefaultCost())
	h.user(b, "noor")
	defer reportCPU(b)()
	for b.Loop() {
		if _, err := h.SignIn(h.ctx, "noor", password, ward); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(DefaultCost())
	defer reportCPU(b)()
	for b.Loop() {
		if _, err := h.hash(b.Context(), password); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSession(b *testing.B) {
	h := openHouse(b, Config{})
	h.user(b, "noor")
	cookie, _ := h.signIn(b, "noor")
	for b.Loop() {
		if _, err := h.Session(h.ctx, cookie); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	h := openHouse(b, Config{})
	claims := map[string]any{"sub": "noor", "exp": h.clock.now().Add(time.Hour).Unix()}
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.ES384} {
		b.Run(string(alg), func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				if _, err := h.Sign(h.ctx, alg, "JWT", claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
