package identity

import (
	"context"
	"errors"
	"testing"

	"github.com/inglehealth/ingle/store"
)

// meanwhile lets something happen in another process after some reads.
type meanwhile struct {
	store.Identity
	reads int // still to come before it
	do    func()
}

func (m *meanwhile) ReadItem(ctx context.Context, kind, id string) (store.Item, error) {
	i, err := m.Identity.ReadItem(ctx, kind, id)
	if m.reads--; m.reads == -1 {
		m.do()
	}
	return i, err
}

// interrupt runs f with something to come after its first read, its second and
// so on, until f ends before it comes. F gets two processes on one database and
// calls come when it is ready.
func interrupt(t *testing.T, f func(a, b house, come func(do func()))) {
	t.Helper()
	const most = 40
	for reads := range most {
		s := sqliteStore(t)
		m := &meanwhile{Identity: s, reads: -1}
		a := openHouse(t, Config{Store: m, AllowPrivate: true})
		b := openHouse(t, Config{Store: s, AllowPrivate: true, Secret: NewKeyFile(a.path), Clock: a.clock.now})
		b.clock = a.clock
		came := false
		f(a, b, func(do func()) {
			m.reads, m.do = reads, func() { came = true; do() }
		})
		if !came {
			if reads == 0 {
				t.Error("nothing is read")
			}
			return
		}
	}
	t.Errorf("it does not end after %d reads", most)
}

func TestOfTwoInvitationsAtOnceOneServes(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		u, err := b.CreateUser(b.ctx, User{Login: "noor"})
		if err != nil {
			t.Fatal(err)
		}
		first, err := b.Invite(b.ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		second, err := b.Invite(b.ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		other := ErrLink
		come(func() { _, other = b.AcceptInvitation(b.ctx, first, password, ward) })
		_, err = a.AcceptInvitation(a.ctx, second, password, ward)
		if (err == nil) == (other == nil) || !errors.Is(errors.Join(err, other), ErrLink) {
			t.Errorf("one: %v; the other: %v", err, other)
		}
	})
}

func TestOfTwoFirstLinksAtOnceOneServes(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		first, err := b.FirstLink(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		second, err := b.FirstLink(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		other := ErrLink
		come(func() { _, other = b.AcceptFirst(b.ctx, first, User{Login: "one"}, password, ward) })
		_, err = a.AcceptFirst(a.ctx, second, User{Login: "two"}, password, ward)
		if (err == nil) == (other == nil) || !errors.Is(errors.Join(err, other), ErrLink) {
			t.Errorf("one: %v; the other: %v", err, other)
		}
	})
}

func TestASignInWhosePasswordIsReplacedMeanwhileHasNoSession(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		u := b.user(t, "noor")
		replaced := false
		come(func() {
			if err := b.SetPassword(b.ctx, u.ID, "another lamp in it"); err != nil {
				t.Error(err)
			}
			replaced = true
		})
		in, err := a.SignIn(a.ctx, "noor", password, ward)
		if errors.Is(err, ErrCredentials) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		cookie, _, err := a.NewSession(a.ctx, in, ward)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.good(cookie); errors.Is(err, ErrSession) != replaced {
			t.Errorf("replaced %v: %v", replaced, err)
		}
	})
}

func TestTOTPThatAnEndedSessionBeganIsNotConfirmed(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		u := b.user(t, "noor")
		key, err := a.BeginTOTP(a.ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := error(nil)
		come(func() {
			want = ErrCode
			if err := b.SetPassword(b.ctx, u.ID, password); err != nil {
				t.Error(err)
			}
		})
		_, err = a.ConfirmTOTP(a.ctx, u.ID, code(t, key.Secret, a.clock.now()))
		if !errors.Is(err, want) || (b.credentials(t, u.ID).TOTP == nil) != (want != nil) {
			t.Errorf("%v, not %v", err, want)
		}
	})
}

func TestAPasskeyIsNoSecondFactorForAUserWhoIsChangedMeanwhile(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		u := b.user(t, "noor", Practitioner)
		if err := b.SetPolicy(b.ctx, Policy{SecondFactor: []Role{Practitioner}}); err != nil {
			t.Fatal(err)
		}
		key := b.register(t, u.ID)
		in, err := b.SignIn(b.ctx, "noor", password, ward)
		if err != nil {
			t.Fatal(err)
		}
		options, token, err := b.BeginPasskeySignIn(b.ctx, in.Pending)
		if err != nil {
			t.Fatal(err)
		}
		came := false
		come(func() {
			came = true
			if err := b.SetPassword(b.ctx, u.ID, "another "+password); err != nil {
				t.Fatal(err)
			}
		})
		if _, err = a.FinishPasskeySignIn(a.ctx, token, in.Pending, key.Get(t, options), ward); came && !errors.Is(err, ErrPasskey) && !errors.Is(err, ErrPending) || !came && err != nil {
			t.Error(err)
		}
	})
}

func TestAPasskeyThatAnEndedSessionBeganIsNotRegistered(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		u := b.user(t, "noor")
		options, token, err := a.BeginPasskey(a.ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := error(nil)
		come(func() {
			want = ErrSession
			if err := b.SetPassword(b.ctx, u.ID, password); err != nil {
				t.Error(err)
			}
		})
		_, err = a.FinishPasskey(a.ctx, u.ID, token, "", newAuthenticator(t).Create(t, options))
		if !errors.Is(err, want) || (len(b.credentials(t, u.ID).Passkeys) == 0) != (want != nil) {
			t.Errorf("%v, not %v", err, want)
		}
	})
}

func TestAnAccountThatAnEndedSessionBeganToLinkIsNotLinked(t *testing.T) {
	interrupt(t, func(a, b house, come func(func())) {
		p := newOP(t, a.clock)
		if err := b.SetProvider(b.ctx, Provider{ID: "op", Issuer: p.URL, ClientID: "ingle", Secret: "s"}); err != nil {
			t.Fatal(err)
		}
		u := b.user(t, "noor")
		_, n := b.signIn(t, "noor")
		linked := func() int {
			all, err := b.OutsideAccounts(b.ctx, u.ID)
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		cookie, answer := p.begin(t, a, n)
		before := 1 // links when the session ended, if it did
		come(func() {
			before = linked()
			if err := b.SetPassword(b.ctx, u.ID, password); err != nil {
				t.Error(err)
			}
		})
		_, err := a.FinishOutside(a.ctx, cookie, answer, ward)
		if linked() != before || (err == nil) != (before == 1) || err != nil && !errors.Is(err, ErrSession) {
			t.Errorf("%d links before, %d after: %v", before, linked(), err)
		}
	})
}
