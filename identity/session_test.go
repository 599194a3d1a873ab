package identity

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func (h house) good(cookie string) error {
	_, err := h.Session(h.ctx, cookie)
	return err
}

func TestASessionEndsWhenItIsNotUsed(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	cookie, n := h.signIn(t, "noor")
	for range 5 {
		h.clock.jump(DefaultSessionIdle - time.Second)
		if err := h.good(cookie); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.jump(DefaultSessionIdle - time.Second)
	if _, err := h.SessionByID(h.ctx, n.ID); err != nil {
		t.Fatal(err)
	}
	h.clock.jump(time.Second) // looking at it was no use of it
	if err := h.good(cookie); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
}

func TestASessionEndsInAnyCase(t *testing.T) {
	h := openHouse(t, Config{SessionIdle: time.Hour, SessionLife: 3 * time.Hour})
	h.user(t, "noor")
	cookie, _ := h.signIn(t, "noor")
	for range 5 {
		h.clock.jump(30 * time.Minute)
		if err := h.good(cookie); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.jump(30 * time.Minute)
	if err := h.good(cookie); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
}

func TestASessionMadeByAClockThatWasAheadIsVoid(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	before, _ := h.signIn(t, "noor")
	h.clock.jump(10 * time.Minute)
	if err := h.good(before); err != nil {
		t.Fatal(err)
	}
	ahead, _ := h.signIn(t, "noor")
	h.clock.jump(-10 * time.Minute)
	if err := h.good(ahead); !errors.Is(err, ErrSession) {
		t.Errorf("made ahead: %v", err)
	}
	if err := h.good(before); err != nil {
		t.Fatalf("made before: %v", err)
	}
	h.clock.jump(DefaultSessionIdle)
	if err := h.good(before); !errors.Is(err, ErrSession) {
		t.Errorf("its use ahead counts: %v", err)
	}
}

func TestACookieIsNewAtEachSignInAndStoredHashed(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	first, one := h.signIn(t, "noor")
	second, other := h.signIn(t, "noor")
	if first == second || one.ID == other.ID || !strings.HasPrefix(first, sessionPrefix) {
		t.Error("the same cookie twice")
	}
	items, err := h.config.Store.ListItems(h.ctx, kindSession, "", 10)
	if err != nil || len(items) != 2 {
		t.Fatalf("%d, %v", len(items), err)
	}
	for _, i := range items {
		if text := i.ID + string(i.Body); strings.Contains(text, strings.TrimPrefix(first, sessionPrefix)) || strings.Contains(text, strings.TrimPrefix(second, sessionPrefix)) {
			t.Error("a cookie is stored")
		}
	}
	for _, made := range []string{"", "made up", sessionPrefix, one.ID, sessionPrefix + one.ID, "\x00"} {
		if err := h.good(made); !errors.Is(err, ErrSession) {
			t.Errorf("%q: %v", made, err)
		}
	}
}

func TestSessionsAreListedAndEndedOneByOneOrAll(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u, other := a.user(t, "noor"), a.user(t, "other")
		var cookies []string
		var last *Session
		for range 4 {
			var cookie string
			cookie, last = a.signIn(t, "noor")
			cookies = append(cookies, cookie)
			a.clock.jump(2 * time.Minute)
		}
		if err := b.good(cookies[0]); err != nil {
			t.Fatal(err)
		}
		all, err := b.Sessions(b.ctx, u.ID)
		if err != nil || len(all) != 4 || all[0].ID != hashed(cookies[0]) || all[0].Device == "" || all[1].ID != last.ID {
			t.Fatalf("%+v, %v", all, err)
		}
		if err := b.EndSession(b.ctx, other.ID, all[0].ID); !errors.Is(err, ErrSession) {
			t.Errorf("another's: %v", err)
		}
		if err := b.EndSession(b.ctx, u.ID, all[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := a.good(cookies[0]); !errors.Is(err, ErrSession) {
			t.Errorf("ended: %v", err)
		}
		if err := b.EndSession(b.ctx, u.ID, all[0].ID); !errors.Is(err, ErrSession) {
			t.Errorf("ended twice: %v", err)
		}
		if err := a.EndSessions(a.ctx, u.ID, last.ID); err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{false, false, false, true} {
			if err := b.good(cookies[i]); (err == nil) != want {
				t.Errorf("%d: %v", i, err)
			}
		}
		if err := a.EndSessions(a.ctx, u.ID, ""); err != nil {
			t.Fatal(err)
		}
		if all, err := b.Sessions(b.ctx, u.ID); err != nil || len(all) != 0 {
			t.Errorf("%v, %v", all, err)
		}
	})
}

func TestAUserHasOnlySoManySessions(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	oldest, _ := h.signIn(t, "noor")
	for range maxSessions {
		h.clock.jump(time.Second)
		h.signIn(t, "noor")
	}
	if err := h.good(oldest); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
	if all, err := h.Sessions(h.ctx, u.ID); err != nil || len(all) != maxSessions {
		t.Errorf("%d, %v", len(all), err)
	}
}

// ends are the changes that end sessions in all processes.
var ends = map[string]func(h house, u *User) error{
	"a new password": func(h house, u *User) error { return h.SetPassword(h.ctx, u.ID, "another lamp in it") },
	"a reset link used": func(h house, u *User) error {
		secret, err := h.Invite(h.ctx, u.ID)
		if err == nil {
			_, err = h.AcceptInvitation(h.ctx, secret, "another lamp in it", ward)
		}
		return err
	},
	"a role more": func(h house, u *User) error {
		u.Roles = append(u.Roles, Administrator)
		_, err := h.UpdateUser(h.ctx, *u)
		return err
	},
	"a role less": func(h house, u *User) error {
		u.Roles = nil
		_, err := h.UpdateUser(h.ctx, *u)
		return err
	},
	"another link": func(h house, u *User) error {
		u.Links = []Link{{Type: "Practitioner", ID: "x"}}
		_, err := h.UpdateUser(h.ctx, *u)
		return err
	},
	"disabling": func(h house, u *User) error {
		u.Disabled = true
		_, err := h.UpdateUser(h.ctx, *u)
		return err
	},
	"no second factors":    func(h house, u *User) error { return h.RemoveFactors(h.ctx, u.ID) },
	"a second factor less": func(h house, u *User) error { return h.RemoveTOTP(h.ctx, u.ID) },
	"a second factor required": func(h house, u *User) error {
		return h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Nurse}})
	},
}

func TestWhatChangesAUserEndsSessionsInEveryProcess(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		for name, change := range ends {
			if err := a.SetPolicy(a.ctx, Policy{}); err != nil {
				t.Fatal(err)
			}
			u := a.user(t, "noor-"+strings.ReplaceAll(name, " ", "-"), Nurse)
			cookie, _ := a.signIn(t, u.Login)
			under, err := b.SignIn(b.ctx, u.Login, password, ward) // its session is made after the change
			if err != nil {
				t.Fatal(err)
			}
			if err := b.good(cookie); err != nil {
				t.Fatal(err)
			}
			before, err := b.config.Store.Epoch(b.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(a, u); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := b.good(cookie); !errors.Is(err, ErrSession) {
				t.Errorf("%s: %v", name, err)
			}
			late, _, err := b.NewSession(b.ctx, under, ward)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.good(late); !errors.Is(err, ErrSession) {
				t.Errorf("%s, of a sign-in under way: %v", name, err)
			}
			if after, err := b.config.Store.Epoch(b.ctx); err != nil || after == before {
				t.Errorf("%s: the epoch stays %d, %v", name, after, err)
			}
		}
	})
}

func TestWhatDoesNotMatterToASessionKeepsIt(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor", Nurse)
	cookie, _ := h.signIn(t, "noor")
	u.Name, u.Login = "Another Name", "lamp"
	if _, err := h.UpdateUser(h.ctx, *u); err != nil {
		t.Fatal(err)
	}
	if err := h.good(cookie); err != nil {
		t.Error(err)
	}
}

func TestWhoChangesThePasswordKeepsOnlyTheNewSession(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	elsewhere, _ := h.signIn(t, "noor")
	cookie, n := h.signIn(t, "noor")
	n, err := h.SessionByID(h.ctx, n.ID)
	if err != nil {
		t.Fatal(err)
	}
	const next = "another lamp in it"
	if _, _, err := h.ChangePassword(h.ctx, n, "not the password", next, ward); !errors.Is(err, ErrCredentials) {
		t.Error(err)
	}
	if _, _, err := h.ChangePassword(h.ctx, n, password, "short", ward); err == nil || errors.Is(err, ErrCredentials) {
		t.Error(err)
	}
	fresh, _, err := h.ChangePassword(h.ctx, n, password, next, ward)
	if err != nil {
		t.Fatal(err)
	}
	for c, want := range map[string]bool{elsewhere: false, cookie: false, fresh: true} {
		if err := h.good(c); (err == nil) != want {
			t.Error(err)
		}
	}
	if _, err := h.SignIn(h.ctx, "noor", password, ward); !errors.Is(err, ErrCredentials) {
		t.Errorf("the old password: %v", err)
	}
	if _, _, err := h.ChangePassword(h.ctx, n, next, "a third lamp in it", ward); !errors.Is(err, ErrCredentials) {
		t.Errorf("with an ended session: %v", err)
	}
}

func TestGuessingTheOldPasswordInASessionIsLockedToo(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	_, n := h.signIn(t, "noor")
	for i := range freeFailures {
		if _, _, err := h.ChangePassword(h.ctx, n, fmt.Sprint("guess ", i), "another lamp in it", ward); !errors.Is(err, ErrCredentials) {
			t.Fatal(err)
		}
	}
	if _, _, err := h.ChangePassword(h.ctx, n, password, "another lamp in it", ward); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}

func TestWhatADeviceCallsItselfIsBounded(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	in, err := h.SignIn(h.ctx, "noor", password, ward)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.NewSession(h.ctx, in, Origin{Device: strings.Repeat("é\x00", 1000)}); err != nil {
		t.Fatal(err)
	}
	all, err := h.Sessions(h.ctx, u.ID)
	if err != nil || len(all) != 1 || len(all[0].Device) > maxDevice || all[0].Address != "" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestWhatHasExpiredIsSwept(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	h.signIn(t, "noor")
	if _, err := h.Invite(h.ctx, u.ID); err != nil {
		t.Fatal(err)
	}
	_, _ = h.SignIn(h.ctx, "nobody", password, ward)
	h.clock.jump(48 * time.Hour)
	if err := h.Sweep(h.ctx); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{kindSession, kindInvitation, kindAttempts} {
		if items, err := h.config.Store.ListItems(h.ctx, kind, "", 10); err != nil || len(items) != 0 {
			t.Errorf("%s: %d, %v", kind, len(items), err)
		}
	}
	h.signIn(t, "noor")
}
