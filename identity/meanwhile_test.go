package identity

import (
	"context"
	"errors"
	"testing"

	"github.com/inglehealth/ingle/store"
)

// meanwhile lets something happen in another process after an item of a kind was
// read.
type meanwhile struct {
	store.Identity
	kind string
	do   func()
}

func (m *meanwhile) ReadItem(ctx context.Context, kind, id string) (store.Item, error) {
	i, err := m.Identity.ReadItem(ctx, kind, id)
	if do := m.do; do != nil && kind == m.kind {
		m.do = nil
		do()
	}
	return i, err
}

// interrupted are a house that something can come between, and another process.
func interrupted(t *testing.T) (m *meanwhile, a, b house) {
	t.Helper()
	s := sqliteStore(t)
	m = &meanwhile{Identity: s}
	a = openHouse(t, Config{Store: m, AllowPrivate: true})
	b = openHouse(t, Config{Store: s, AllowPrivate: true, Secret: NewKeyFile(a.path), Clock: a.clock.now})
	b.clock = a.clock
	return m, a, b
}

func TestAnInvitationThatAnotherUsedMeanwhileIsVoid(t *testing.T) {
	for _, kind := range []string{kindInvitation, kindUser, kindCredentials} {
		m, a, b := interrupted(t)
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
		m.kind, m.do = kind, func() {
			if _, err := b.AcceptInvitation(b.ctx, first, password, ward); err != nil {
				t.Error(err)
			}
		}
		if _, err := a.AcceptInvitation(a.ctx, second, "another lamp in it", ward); !errors.Is(err, ErrLink) {
			t.Errorf("after %s was read: %v", kind, err)
		}
		b.signIn(t, "noor")
	}
}

func TestASignInWhosePasswordWasReplacedMeanwhileHasNoSession(t *testing.T) {
	for _, kind := range []string{kindLogin, kindUser, kindCredentials, kindPolicy} {
		m, a, b := interrupted(t)
		u := b.user(t, "noor")
		m.kind, m.do = kind, func() {
			if err := b.SetPassword(b.ctx, u.ID, "another lamp in it"); err != nil {
				t.Error(err)
			}
		}
		in, err := a.SignIn(a.ctx, "noor", password, ward)
		if errors.Is(err, ErrCredentials) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		cookie, _, err := a.NewSession(a.ctx, in, ward)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.good(cookie); !errors.Is(err, ErrSession) {
			t.Errorf("after %s was read: %v", kind, err)
		}
	}
}

func TestWhatAnEndedSessionBeganIsNotFinished(t *testing.T) {
	m, a, b := interrupted(t)
	u := b.user(t, "noor")
	reset := func() {
		if err := b.SetPassword(b.ctx, u.ID, password); err != nil {
			t.Error(err)
		}
	}
	key, err := a.BeginTOTP(a.ctx, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	m.kind, m.do = kindCredentials, reset
	if _, err := a.ConfirmTOTP(a.ctx, u.ID, code(t, key.Secret, a.clock.now())); !errors.Is(err, ErrCode) {
		t.Errorf("TOTP: %v", err)
	}
	for _, kind := range []string{kindUser, kindCredentials} {
		device := newAuthenticator(t)
		options, token, err := a.BeginPasskey(a.ctx, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		m.kind, m.do = kind, reset
		if _, err := a.FinishPasskey(a.ctx, u.ID, token, "", device.create(t, options)); !errors.Is(err, ErrSession) {
			t.Errorf("a passkey: %v", err)
		}
	}
	p := newOP(t, a.clock)
	if err := b.SetProvider(b.ctx, Provider{ID: "op", Issuer: p.URL, ClientID: "ingle", Secret: "s"}); err != nil {
		t.Fatal(err)
	}
	_, n := b.signIn(t, "noor")
	cookie, answer := p.begin(t, a, n)
	m.kind, m.do = kindCredentials, reset
	if _, err := a.FinishOutside(a.ctx, cookie, answer, ward); !errors.Is(err, ErrSession) {
		t.Errorf("a link: %v", err)
	}
	if all, err := b.OutsideAccounts(b.ctx, u.ID); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}
