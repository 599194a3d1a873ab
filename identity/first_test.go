package identity

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTheFirstAdministratorComesByALinkThatServesOnce(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		var secrets []string
		for range 2 {
			for _, h := range []house{a, b} {
				secret, err := h.FirstLink(h.ctx)
				if err != nil || !strings.HasPrefix(secret, linkPrefix) {
					t.Fatalf("%q, %v", secret, err)
				}
				secrets = append(secrets, secret)
			}
		}
		var wait sync.WaitGroup
		var made atomic.Int64
		for i, secret := range secrets { // each process prints its own
			h := []house{b, a}[i%2]
			wait.Go(func() {
				in, err := h.AcceptFirst(h.ctx, secret, User{Login: "admin" + string(rune('a'+i)), Roles: []Role{Patient}}, password, ward)
				switch {
				case err == nil:
					made.Add(1)
					if !in.User.Has(Administrator) || in.User.Has(Patient) || in.Pending != "" {
						t.Errorf("%+v", in.User)
					}
				case !errors.Is(err, ErrLink):
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if made.Load() != 1 {
			t.Errorf("%d made", made.Load())
		}
		if err := a.CheckFirst(a.ctx, secrets[0]); !errors.Is(err, ErrLink) {
			t.Error(err)
		}
		if secret, err := b.FirstLink(b.ctx); secret != "" || err != nil {
			t.Errorf("another link: %v", err)
		}
	})
}

func TestAFirstLinkIsGoodForADay(t *testing.T) {
	h := openHouse(t, Config{})
	secret, err := h.FirstLink(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.jump(linkLife - time.Second)
	if err := h.CheckFirst(h.ctx, secret); err != nil {
		t.Error(err)
	}
	h.clock.jump(time.Second)
	if _, err := h.AcceptFirst(h.ctx, secret, User{Login: "admin"}, password, ward); !errors.Is(err, ErrLink) {
		t.Error(err)
	}
	h.clock.jump(-365 * 24 * time.Hour)
	if err := h.CheckFirst(h.ctx, secret); !errors.Is(err, ErrLink) {
		t.Errorf("made a year ahead: %v", err)
	}
}

func TestAFirstLinkIsVoidOnceThereIsAnAdministrator(t *testing.T) {
	h := openHouse(t, Config{})
	secret, err := h.FirstLink(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	h.user(t, "admin", Administrator)
	if _, err := h.AcceptFirst(h.ctx, secret, User{Login: "second"}, password, ward); !errors.Is(err, ErrLink) {
		t.Error(err)
	}
	if secret, err := h.FirstLink(h.ctx); secret != "" || err != nil {
		t.Errorf("another link: %v", err)
	}
}

func TestAFirstLinkThatWasUsedBringsNoSecondAdministrator(t *testing.T) {
	h := openHouse(t, Config{})
	secret, err := h.FirstLink(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.AcceptFirst(h.ctx, secret, User{Login: "admin"}, password, ward)
	if err != nil {
		t.Fatal(err)
	}
	in.User.Roles = nil
	if _, err := h.UpdateUser(h.ctx, *in.User); err != nil {
		t.Fatal(err)
	}
	if _, err := h.AcceptFirst(h.ctx, secret, User{Login: "second"}, password, ward); !errors.Is(err, ErrLink) {
		t.Error(err)
	}
	if secret, err := h.FirstLink(h.ctx); secret != "" || err != nil {
		t.Errorf("another link: %v", err)
	}
}

func TestABadFirstAdministratorDoesNotUseUpTheLink(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor")
	secret, err := h.FirstLink(h.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][2]string{{"admin", "short"}, {"two words", password}, {"", password}, {"noor", password}} {
		if _, err := h.AcceptFirst(h.ctx, secret, User{Login: bad[0]}, bad[1], ward); err == nil || errors.Is(err, ErrLink) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := h.AcceptFirst(h.ctx, linkPrefix+"guessed", User{Login: "admin"}, password, ward); !errors.Is(err, ErrLink) {
		t.Error(err)
	}
	if _, err := h.AcceptFirst(h.ctx, secret, User{Login: "admin"}, password, ward); err != nil {
		t.Error(err)
	}
	h.signIn(t, "admin")
}

func TestThereIsNoDefaultPassword(t *testing.T) {
	h := openHouse(t, Config{})
	if all, err := h.Users(h.ctx, "", 10); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestAnInvitationServesOnceInWhateverProcess(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u, err := a.CreateUser(a.ctx, User{Login: "noor", Roles: []Role{Nurse}})
		if err != nil {
			t.Fatal(err)
		}
		var secrets []string
		for range 3 {
			secret, err := a.Invite(a.ctx, u.ID)
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, secret, secret)
		}
		i, err := b.Invitation(b.ctx, secrets[0])
		if err != nil || i.User.ID != u.ID || i.Reset {
			t.Fatalf("%+v, %v", i, err)
		}
		var wait sync.WaitGroup
		var accepted atomic.Int64
		for n, secret := range secrets {
			h := []house{a, b}[n%2]
			wait.Go(func() {
				in, err := h.AcceptInvitation(h.ctx, secret, password, ward)
				switch {
				case err == nil:
					accepted.Add(1)
					cookie, _, err := h.NewSession(h.ctx, in, ward)
					if err == nil {
						err = h.good(cookie)
					}
					if err != nil {
						t.Error(err)
					}
				case !errors.Is(err, ErrLink):
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if accepted.Load() != 1 {
			t.Errorf("accepted %d times", accepted.Load())
		}
		b.signIn(t, "noor")
		secret, err := a.Invite(a.ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := b.Invitation(b.ctx, secret); err != nil || !i.Reset {
			t.Errorf("%+v, %v", i, err)
		}
	})
}

func TestAnInvitationIsGoodForADayAndForUsersWhoAreNotDisabled(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	secret, err := h.Invite(h.ctx, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.AcceptInvitation(h.ctx, secret, "short", ward); err == nil || errors.Is(err, ErrLink) {
		t.Error(err)
	}
	u.Disabled = true
	if u, err = h.UpdateUser(h.ctx, *u); err != nil {
		t.Fatal(err)
	}
	if _, err := h.AcceptInvitation(h.ctx, secret, "another lamp in it", ward); !errors.Is(err, ErrDisabled) {
		t.Error(err)
	}
	u.Disabled = false
	if _, err = h.UpdateUser(h.ctx, *u); err != nil {
		t.Fatal(err)
	}
	h.clock.jump(linkLife)
	for _, s := range []string{secret, "", linkPrefix, "\x00"} {
		if _, err := h.AcceptInvitation(h.ctx, s, "another lamp in it", ward); !errors.Is(err, ErrLink) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestAResetLeavesTheSecondFactor(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	h.enrol(t, u.ID)
	secret, err := h.Invite(h.ctx, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.AcceptInvitation(h.ctx, secret, "another lamp in it", ward)
	if err != nil || in.Pending == "" {
		t.Errorf("%+v, %v", in, err)
	}
}
