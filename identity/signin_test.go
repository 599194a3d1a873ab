package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/store"
)

func TestAUserSignsInAndHasASession(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor", Practitioner)
	cookie, n := h.signIn(t, "Noor")
	got, err := h.Session(h.ctx, cookie)
	if err != nil {
		t.Fatal(err)
	}
	if got.User.ID != u.ID || got.ID != n.ID || got.Device != ward.Device || got.Address != "203.0.113.7" {
		t.Errorf("%+v", got)
	}
}

// counting counts what is asked of a store.
type counting struct {
	store.Identity
	reads, writes atomic.Int64
}

func (c *counting) ReadItem(ctx context.Context, kind, id string) (store.Item, error) {
	c.reads.Add(1)
	return c.Identity.ReadItem(ctx, kind, id)
}

func (c *counting) WriteItems(ctx context.Context, epoch bool, all ...store.ItemChange) error {
	c.writes.Add(1)
	return c.Identity.WriteItems(ctx, epoch, all...)
}

// counted hashes as cheaply as cheap does, and counts: its one slot is a gate.
func (h house) hashes(f func()) int {
	gate := h.hasher.slots
	h.hasher.slots = make(chan struct{})
	defer func() { h.hasher.slots = gate }()
	done, n := make(chan struct{}), 0
	go func() {
		defer close(done)
		f()
	}()
	for {
		select {
		case <-h.hasher.slots:
			n++
			h.hasher.slots <- struct{}{}
		case <-done:
			return n
		}
	}
}

func TestNothingTellsWhetherALoginExists(t *testing.T) {
	c := &counting{Identity: sqliteStore(t)}
	h := openHouse(t, Config{Store: c})
	h.user(t, "noor", Nurse)
	if _, err := h.CreateUser(h.ctx, User{Login: "invited"}); err != nil {
		t.Fatal(err)
	}
	type cost struct {
		reads, writes int64
		hashes        int
		message       string
	}
	try := func(login string) (got cost) {
		reads, writes := c.reads.Load(), c.writes.Load()
		got.hashes = h.hashes(func() {
			_, err := h.SignIn(h.ctx, login, "not the password", ward)
			if !errors.Is(err, ErrCredentials) {
				t.Errorf("%q: %v", login, err)
			}
			got.message = fmt.Sprint(err)
		})
		got.reads, got.writes = c.reads.Load()-reads, c.writes.Load()-writes
		return got
	}
	want := try("noor")
	if want.hashes != 1 {
		t.Errorf("%d hashes", want.hashes)
	}
	for _, login := range []string{"nobody", "invited", "", "two words", "a\x00b", "\xff", strings.Repeat("x", 500)} {
		if got := try(login); got != want {
			t.Errorf("%q: %+v, and somebody's: %+v", login, got, want)
		}
	}
}

func TestADisabledUserIsToldSoOnlyWithThePassword(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	u.Disabled = true
	if _, err := h.UpdateUser(h.ctx, *u); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SignIn(h.ctx, "noor", password, ward); !errors.Is(err, ErrDisabled) {
		t.Error(err)
	}
	if _, err := h.SignIn(h.ctx, "noor", "not the password", ward); !errors.Is(err, ErrCredentials) {
		t.Error(err)
	}
}

func TestALoginIsLockedAfterManyFailures(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	for range freeFailures {
		if _, err := h.SignIn(h.ctx, "noor", "not the password", ward); !errors.Is(err, ErrCredentials) {
			t.Fatal(err)
		}
	}
	for _, wait := range []time.Duration{1, 2, 4, 8, 15, 15, 15} {
		_, err := h.SignIn(h.ctx, "noor", password, ward)
		var until *WaitError
		if !errors.As(err, &until) || !errors.Is(err, ErrLocked) || !until.Until.Equal(h.clock.now().Add(wait*time.Minute)) {
			t.Fatalf("%v, not %d minutes", err, wait)
		}
		h.clock.jump(wait * time.Minute)
		if _, err := h.SignIn(h.ctx, "NOOR", "not the password", ward); !errors.Is(err, ErrCredentials) {
			t.Fatal(err)
		}
	}
	if _, err := h.SignIn(h.ctx, "noor", password, ward); err == nil || !strings.Contains(err.Error(), "try again after 2026-03-01T10:15:00Z") {
		t.Errorf("it does not say how long: %v", err)
	}
	h.clock.jump(15 * time.Minute)
	h.signIn(t, "noor")
	if _, err := h.SignIn(h.ctx, "noor", "not the password", ward); !errors.Is(err, ErrCredentials) {
		t.Errorf("success did not clear it: %v", err)
	}
}

func TestFailuresAreForgottenAfterADay(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	for range 3 {
		for range freeFailures - 1 {
			if _, err := h.SignIn(h.ctx, "noor", "not the password", ward); !errors.Is(err, ErrCredentials) {
				t.Fatal(err)
			}
		}
		h.clock.jump(forgotten + time.Second)
	}
}

func TestAnAdministratorUnlocksALogin(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	for range freeFailures {
		_, _ = h.SignIn(h.ctx, "noor", "not the password", ward)
	}
	if err := h.Unlock(h.ctx, u.ID); err != nil {
		t.Fatal(err)
	}
	h.signIn(t, "noor")
}

func TestAClockThatWasAheadLocksNobodyOut(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	h.clock.jump(365 * 24 * time.Hour)
	for range freeFailures {
		_, _ = h.SignIn(h.ctx, "noor", "not the password", ward)
	}
	h.clock.jump(-365 * 24 * time.Hour)
	h.signIn(t, "noor")
}

func TestTwoProcessesCountFailuresTogether(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		var wait sync.WaitGroup
		var guessed, refused atomic.Int64
		for i := range 40 {
			h := []house{a, b}[i%2]
			wait.Go(func() {
				_, err := h.SignIn(h.ctx, "noor", "not the password", Origin{Address: netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(i)})})
				switch {
				case errors.Is(err, ErrCredentials):
					guessed.Add(1)
				case errors.Is(err, ErrLocked), errors.Is(err, ErrBusy):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if guessed.Load() > freeFailures || guessed.Load()+refused.Load() != 40 {
			t.Errorf("%d guesses, %d refused", guessed.Load(), refused.Load())
		}
		for range freeFailures {
			_, _ = b.SignIn(b.ctx, "noor", "not the password", ward)
		}
		if _, err := a.SignIn(a.ctx, "noor", password, ward); !errors.Is(err, ErrLocked) {
			t.Errorf("locked by one process, open in the other: %v", err)
		}
	})
}

func TestAnAddressThatFailsOftenWaits(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	for i := range addressBurst {
		h.signIn(t, "noor") // costs nothing
		if _, err := h.SignIn(h.ctx, fmt.Sprint("nobody", i), password, ward); !errors.Is(err, ErrCredentials) {
			t.Fatal(err)
		}
	}
	_, err := h.SignIn(h.ctx, "noor", password, ward)
	var until *WaitError
	if !errors.As(err, &until) || until.Until.After(h.clock.now().Add(addressRefill)) {
		t.Errorf("%v", err)
	}
	elsewhere := Origin{Address: netip.MustParseAddr("203.0.113.8")}
	if _, err := h.SignIn(h.ctx, "noor", password, elsewhere); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	h.clock.jump(addressRefill)
	h.signIn(t, "noor")
}

func TestAddressesOfOneNetworkCountAsOne(t *testing.T) {
	now := newClock().now()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
	} {
		l := newLimiter()
		for range addressBurst {
			if err := l.take(netip.MustParseAddr(c.a), now); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.take(netip.MustParseAddr(c.b), now); (err != nil) != c.same {
			t.Errorf("%s after %s: %v", c.b, c.a, err)
		}
	}
}

func TestAddressesAreRememberedInBoundedMemory(t *testing.T) {
	l, now := newLimiter(), newClock().now()
	for i := range 2 * addressesKept {
		if err := l.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now); err != nil {
			t.Fatal(err)
		}
	}
	if l.buckets.Len() != addressesKept {
		t.Errorf("%d", l.buckets.Len())
	}
}

func TestAClockThatGoesBackFillsNoBucket(t *testing.T) {
	l, now, a := newLimiter(), newClock().now(), netip.MustParseAddr("192.0.2.1")
	for range addressBurst {
		if err := l.take(a, now); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.take(a, now.Add(-time.Hour)); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}
