package identity

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var elsewhere = Origin{Address: netip.MustParseAddr("198.51.100.9"), Device: "a guesser's"}

// remembered is where the browser is in which somebody has signed in.
func (h house) remembered(t *testing.T, before string, users ...*User) Origin {
	t.Helper()
	at := ward
	at.Known = before
	for _, u := range users {
		var err error
		if at.Known, err = h.Remember(at.Known, u); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// network64 is one of many networks that somebody can come from.
func network64(n int) Origin {
	return Origin{Address: netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(n >> 8), byte(n)})}
}

// guessAround uses up what all networks together may guess.
func (h house) guessAround(t *testing.T, login string) {
	t.Helper()
	for n := range freeInAll / freeFailures {
		h.guess(t, login, freeFailures, network64(n))
	}
}

// guess fails to sign in so often, each time as late as it has to.
func (h house) guess(t *testing.T, login string, times int, from Origin) {
	t.Helper()
	for range times {
		_, err := h.SignIn(h.ctx, login, "not the password", from)
		if !errors.Is(err, ErrCredentials) {
			t.Fatal(err)
		}
	}
}

func TestWhoGuessesLocksNobodyOutOfABrowserThatIsKnown(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u := a.user(t, "noor")
		secret, _ := a.enrol(t, u.ID)
		home := a.remembered(t, "", u)
		a.guessAround(t, "noor")
		for range 3 {
			a.clock.jump(2 * totpPeriod * time.Second)
			_, _ = a.SignIn(a.ctx, "noor", "not the password", elsewhere) // as soon as it may
			if _, err := a.SignIn(a.ctx, "noor", password, ward); !errors.Is(err, ErrLocked) {
				t.Fatalf("an unknown browser: %v", err)
			}
			in, err := b.SignIn(b.ctx, "NOOR", password, home)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.SecondFactor(b.ctx, in.Pending, code(t, secret, b.clock.now()), home); err != nil {
				t.Fatal(err)
			}
		}
		// That the user signed in gave the guesser no new tries.
		a.clock.jump(4 * time.Minute)
		a.guess(t, "noor", 1, elsewhere)
		if _, err := a.SignIn(a.ctx, "noor", "not the password", elsewhere); !errors.Is(err, ErrLocked) {
			t.Error(err)
		}
	})
}

func TestWhoGuessesLocksTheirOwnNetworkAlone(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		a.user(t, "noor")
		a.guess(t, "noor", freeFailures, elsewhere)
		if _, err := b.SignIn(b.ctx, "noor", password, elsewhere); !errors.Is(err, ErrLocked) {
			t.Errorf("whoever guessed: %v", err)
		}
		// That the user signed in gives whoever guesses no new tries.
		if _, err := b.SignIn(b.ctx, "noor", password, ward); err != nil {
			t.Errorf("the user elsewhere: %v", err)
		}
		if _, err := a.SignIn(a.ctx, "noor", password, elsewhere); !errors.Is(err, ErrLocked) {
			t.Errorf("whoever guessed, later: %v", err)
		}
	})
}

func TestManyNetworksTogetherGuessOnlySoOften(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u := a.user(t, "noor")
		a.guessAround(t, "noor")
		tries := 0
		for n := range 24 * 60 { // one a minute, each from a network of its own
			a.clock.jump(time.Minute)
			_, err := b.SignIn(b.ctx, "noor", "not the password", network64(1000+n))
			if errors.Is(err, ErrCredentials) {
				tries++
			} else if !errors.Is(err, ErrLocked) {
				t.Fatal(err)
			}
		}
		if tries < 24*4-5 || tries > 24*4+5 {
			t.Errorf("%d tries a day", tries)
		}
		if err := b.Unlock(b.ctx, u.ID); err != nil {
			t.Fatal(err)
		}
		a.signIn(t, "noor")
	})
}

func TestABrowserThatIsKnownIsLockedByItsOwnFailuresAlone(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u := a.user(t, "noor")
		home := a.remembered(t, "", u)
		other := a.remembered(t, "", u)
		a.guess(t, "noor", freeFailures, home)
		if _, err := b.SignIn(b.ctx, "noor", password, home); !errors.Is(err, ErrLocked) {
			t.Errorf("it guesses without end: %v", err)
		}
		for name, from := range map[string]Origin{"another known browser": other, "an unknown browser": ward} {
			if _, err := b.SignIn(b.ctx, "noor", password, from); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := b.Unlock(b.ctx, u.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := a.SignIn(a.ctx, "noor", password, home); err != nil {
			t.Errorf("unlocked: %v", err)
		}
		b.guess(t, "noor", freeFailures, home)
		a.clock.jump(firstLock)
		if _, err := a.SignIn(a.ctx, "noor", password, home); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		b.guess(t, "noor", freeFailures-1, home)
	})
}

func TestABrowserIsKnownForTheLoginThatSignedInOnly(t *testing.T) {
	h := openHouse(t, Config{})
	u, other := h.user(t, "noor"), h.user(t, "ann")
	home := h.remembered(t, "", u)
	east := openHouse(t, Config{Issuer: "https://ehr.example/t/east", Secret: NewKeyFile(h.path)})
	stranger := openHouse(t, Config{})
	h.guessAround(t, "noor")
	for name, known := range map[string]string{
		"another login's":  h.remembered(t, "", other).Known,
		"another tenant's": east.remembered(t, "", u).Known,
		"another key's":    stranger.remembered(t, "", u).Known,
		"made up":          "igl_kb_AAAA." + strings.Repeat("igl_kb_.", 5000),
		"cut off":          home.Known[:len(home.Known)-4],
		"no base64":        "igl_kb_\x00",
		"without prefix":   strings.TrimPrefix(home.Known, "igl_kb_"),
	} {
		if _, err := h.SignIn(h.ctx, "noor", password, Origin{Address: ward.Address, Known: known}); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.SignIn(h.ctx, "noor", password, home); err != nil {
		t.Error(err)
	}
	h.clock.jump(KnownFor)
	h.guessAround(t, "noor")
	if _, err := h.SignIn(h.ctx, "noor", password, home); !errors.Is(err, ErrLocked) {
		t.Errorf("half a year later: %v", err)
	}
	if strings.Contains(home.Known, "noor") {
		t.Error("the cookie names the login")
	}
}

func TestABrowserThatPeopleShareIsKnownForEachOfThem(t *testing.T) {
	h := openHouse(t, Config{})
	var users []*User
	for i := range maxKnown + 2 {
		u, err := h.CreateUser(h.ctx, User{Login: fmt.Sprint("nurse", i)})
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	at := h.remembered(t, "", users...)
	at = h.remembered(t, at.Known, users[3], users[3])
	for i, u := range users {
		if _, is := h.countsOf(u.Login, at); is != (i >= 2) {
			t.Errorf("%s: %v", u.Login, is)
		}
	}
	if n := strings.Count(at.Known, knownPrefix); n != maxKnown || len(at.Known) > maxCookie {
		t.Errorf("%d logins in %d bytes", n, len(at.Known))
	}
}

func TestWhoUsesUpAnAddressLocksNobodyOutOfABrowserThatIsKnown(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	for _, from := range []Origin{ward, {}} { // also of nobody knows where
		home := h.remembered(t, "", u)
		home.Address = from.Address
		for i := range addressBurst {
			h.guess(t, fmt.Sprint("nobody", i), 1, from)
		}
		if _, err := h.SignIn(h.ctx, "noor", password, from); !errors.Is(err, ErrLocked) {
			t.Fatal(err)
		}
		if _, err := h.SignIn(h.ctx, "noor", password, home); err != nil {
			t.Error(err)
		}
		// It took nothing from the address, and gives nothing back.
		if _, err := h.SignIn(h.ctx, "nobody", password, from); !errors.Is(err, ErrLocked) {
			t.Error(err)
		}
	}
}
