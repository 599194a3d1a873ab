package identity

import (
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/cputest"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// BenchmarkCheckToken checks a token that is remembered, for 32 requests a core at
// once; cpu-us/op is the CPU time
// of this process, since on PostgreSQL the rest is waiting for the epoch.
func BenchmarkCheckToken(b *testing.B) {
	for name, open := range map[string]func(b *testing.B) store.Identity{
		"SQLite":     func(b *testing.B) store.Identity { return sqliteStore(b) },
		"PostgreSQL": func(b *testing.B) store.Identity { return postgresStore(b, pgtest.Schema()) },
	} {
		b.Run(name, func(b *testing.B) {
			h := openHouse(b, Config{Store: open(b)})
			token, err := h.CreateToken(h.ctx, "bench", smart.Scopes{"system/*.rs"}, time.Hour)
			if err != nil {
				b.Fatal(err)
			}
			defer reportCPU(b)()
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := h.CheckToken(h.ctx, token); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// reportCPU reports the CPU time of this process from now until it is called.
func reportCPU(b *testing.B) func() {
	before := cputest.Used(b)
	return func() { b.ReportMetric(float64((cputest.Used(b)-before).Microseconds())/float64(b.N), "cpu-us/op") }
}

// BenchmarkRefresh is what a token request costs, which BenchmarkSign bounds.
func BenchmarkRefresh(b *testing.B) {
	h := openHouse(b, Config{})
	h.user(b, "noor")
	c := h.app(b)
	_, n := h.signIn(b, "noor")
	tokens, err := h.Exchange(h.ctx, c, h.authorize(b, c, n, familyScopes), appRedirect, appVerifier, "")
	defer reportCPU(b)()
	for b.Loop() {
		if err != nil {
			b.Fatal(err)
		}
		tokens, err = h.Refresh(h.ctx, c, tokens.Refresh, nil, "")
	}
}
