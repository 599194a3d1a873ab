package limits_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// clock is a time that tests let pass.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// open makes a limiter without defaults on an SQLite store.
func open(t testing.TB, c *clock, rules ...string) *limits.Limiter {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return on(t, s, c.now, rules...)
}

func on(t testing.TB, s store.Store, now func() time.Time, rules ...string) *limits.Limiter {
	t.Helper()
	l, err := limits.Open(t.Context(), limits.Config{Store: s, Clock: now, Defaults: []limits.Rule{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range rules {
		put(t, l, text)
	}
	return l
}

func put(t testing.TB, l *limits.Limiter, text string) {
	t.Helper()
	r, err := limits.ParseRule(text)
	if err == nil {
		_, err = l.Put(context.WithoutCancel(t.Context()), r, "test")
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// databases run a test on two stores of one database each.
func databases(t *testing.T, run func(t *testing.T, a, b store.Store)) {
	closing := func(t *testing.T, s store.Store, err error) store.Store {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	t.Run("SQLite", func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		closing(t, s, err)
		run(t, s, s)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		schema := pgtest.Schema()
		one, err := postgres.Open(t.Context(), pgtest.URL(t), schema)
		closing(t, one, err)
		other, err := postgres.Open(t.Context(), pgtest.URL(t), schema)
		closing(t, other, err)
		run(t, one, other)
	})
}

// taken is how many of n are let through, one at a time.
func taken(l *limits.Limiter, m limits.Meter, who limits.Who, n int) (got int) {
	for range n {
		if !l.Take(m, who, 1).Refused {
			got++
		}
	}
	return got
}
