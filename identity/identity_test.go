package identity

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// clock is set by tests; it jumps back and forth.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// house is a Service on SQLite, with cheap hashing.
type house struct {
	*Service
	clock *clock
	ctx   context.Context
	path  string // of the key file
}

const password = "a lamp in the window"

var ward = Origin{Address: netip.MustParseAddr("203.0.113.7"), Device: "Mozilla/5.0 (a test)"}

func sqliteStore(t testing.TB) store.Identity {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	return closed(t, s, err)
}

func openHouse(t testing.TB, c Config) house {
	t.Helper()
	h := house{clock: newClock(), ctx: t.Context(), path: filepath.Join(t.TempDir(), "key")}
	if c.Clock == nil {
		c.Clock = h.clock.now
	}
	if c.Secret == nil {
		c.Secret = NewKeyFile(h.path)
	}
	if c.Issuer == "" {
		c.Issuer = "https://ehr.example"
	}
	if c.Store == nil {
		c.Store = sqliteStore(t)
	}
	var err error
	if h.Service, err = Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	h.hasher = cheap()
	return h
}

// cheap hashes fast; that real hashing is as it should be has its own test.
func cheap() *hasher {
	return newHasher(Cost{Memory: 64, Time: 1, Threads: 1})
}

// two are two processes on one database: on PostgreSQL two stores, on SQLite,
// which one process has alone, two Services on one.
func two(t *testing.T, f func(t *testing.T, a, b house)) {
	both := func(t *testing.T, first, second store.Identity) {
		a := openHouse(t, Config{Store: first})
		b := openHouse(t, Config{Store: second, Secret: NewKeyFile(a.path), Clock: a.clock.now})
		b.clock, b.path = a.clock, a.path
		f(t, a, b)
	}
	t.Run("SQLite", func(t *testing.T) {
		s := sqliteStore(t)
		both(t, s, s)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		schema := pgtest.Schema()
		both(t, postgresStore(t, schema), postgresStore(t, schema))
	})
}

func postgresStore(t testing.TB, schema string) store.Identity {
	t.Helper()
	s, err := postgres.Open(t.Context(), pgtest.URL(t), schema)
	return closed(t, s, err)
}

// closed closes what was opened when the test ends.
func closed(t testing.TB, s store.Store, err error) store.Identity {
	t.Helper()
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

// user makes a user with the test's password.
func (h house) user(t testing.TB, login string, roles ...Role) *User {
	t.Helper()
	u, err := h.CreateUser(h.ctx, User{Login: login, Name: "Noor of the Test", Roles: roles})
	if err == nil {
		err = h.SetPassword(h.ctx, u.ID, password)
	}
	if err == nil {
		u, err = h.User(h.ctx, u.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// signIn signs in by password and makes a session.
func (h house) signIn(t testing.TB, login string) (cookie string, n *Session) {
	t.Helper()
	in, err := h.SignIn(h.ctx, login, password, ward)
	if err != nil {
		t.Fatal(err)
	}
	cookie, n, err = h.NewSession(h.ctx, in, ward)
	if err != nil {
		t.Fatal(err)
	}
	return cookie, n
}
