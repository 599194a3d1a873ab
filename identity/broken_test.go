package identity

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/store"
)

var errBroken = errors.New("the database is gone")

// breaking fails at one call, and works before and after.
type breaking struct {
	store.Identity
	until int  // calls that work; negative: all
	broke bool // the call that fails was made
}

func (b *breaking) next() error {
	b.until--
	if b.until == -1 {
		b.broke = true
		return errBroken
	}
	return nil
}

func (b *breaking) ReadItem(ctx context.Context, kind, id string) (store.Item, error) {
	if err := b.next(); err != nil {
		return store.Item{}, err
	}
	return b.Identity.ReadItem(ctx, kind, id)
}

func (b *breaking) FindItems(ctx context.Context, kind string, key store.ItemKey, after string, limit int) ([]store.Item, error) {
	if err := b.next(); err != nil {
		return nil, err
	}
	return b.Identity.FindItems(ctx, kind, key, after, limit)
}

func (b *breaking) ListItems(ctx context.Context, kind, after string, limit int) ([]store.Item, error) {
	if err := b.next(); err != nil {
		return nil, err
	}
	return b.Identity.ListItems(ctx, kind, after, limit)
}

func (b *breaking) WriteItems(ctx context.Context, epoch bool, all ...store.ItemChange) error {
	if err := b.next(); err != nil {
		return err
	}
	return b.Identity.WriteItems(ctx, epoch, all...)
}

func (b *breaking) SweepItems(ctx context.Context, before time.Time, limit int) (int64, error) {
	if err := b.next(); err != nil {
		return 0, err
	}
	return b.Identity.SweepItems(ctx, before, limit)
}

func (b *breaking) Epoch(ctx context.Context) (int64, error) {
	if err := b.next(); err != nil {
		return 0, err
	}
	return b.Identity.Epoch(ctx)
}

// A database that fails somewhere in the middle is neither taken for a wrong
// password, an ended session or a used link, nor overlooked.
func TestADatabaseThatFailsIsReportedWhereverItDoes(t *testing.T) {
	b := &breaking{Identity: sqliteStore(t), until: -1}
	h := openHouse(t, Config{Store: b, AllowPrivate: true})
	p := newOP(t, h.clock)
	if err := h.SetProvider(h.ctx, Provider{ID: "op", Issuer: p.URL, ClientID: "ingle", Secret: "s", Create: true, Roles: []Role{Patient}}); err != nil {
		t.Fatal(err)
	}
	if err := h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Nurse, Practitioner}}); err != nil {
		t.Fatal(err)
	}
	user := h.user(t, "noor", FrontDesk)
	nurse := h.user(t, "nurse", Nurse)
	secret, _ := h.enrol(t, nurse.ID)
	key := h.register(t, user.ID)
	nurseKey := h.register(t, nurse.ID)
	enrolling := h.user(t, "doctor", Practitioner)
	var cookie, link, token, firstLink string
	var n *Session
	var in *SignIn
	var options []byte
	answer := map[string][]string{}
	prepare := func() { // what an operation uses up
		t.Helper()
		var err error
		if err = h.Unlock(h.ctx, user.ID); err == nil {
			err = errors.Join(h.Unlock(h.ctx, nurse.ID), h.Unlock(h.ctx, enrolling.ID), h.EndSessions(h.ctx, user.ID, ""), h.SetPassword(h.ctx, user.ID, password), h.RemoveTOTP(h.ctx, enrolling.ID))
		}
		if err == nil {
			user, err = h.User(h.ctx, user.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		h.addresses = newLimiter()
		cookie, n = h.signIn(t, user.Login)
		h.clock.jump(2 * time.Minute) // so that a use is noted, and a code is new
		if link, err = h.Invite(h.ctx, user.ID); err != nil {
			t.Fatal(err)
		}
		if firstLink, err = h.FirstLink(h.ctx); err != nil {
			t.Fatal(err)
		}
	}
	origin := ward
	ops := map[string]func() error{
		"sign in": func() (err error) { _, err = h.SignIn(h.ctx, user.Login, password, origin); return err },
		"wrong": func() error {
			_, err := h.SignIn(h.ctx, user.Login, "wrong", origin)
			return without(err, ErrCredentials)
		},
		"nobody": func() error {
			_, err := h.SignIn(h.ctx, "nobody", "wrong", origin)
			return without(err, ErrCredentials)
		},
		"session":      func() (err error) { _, err = h.Session(h.ctx, cookie); return err },
		"sessions":     func() (err error) { _, err = h.Sessions(h.ctx, user.ID); return err },
		"end session":  func() error { return h.EndSession(h.ctx, user.ID, n.ID) },
		"end sessions": func() error { return h.EndSessions(h.ctx, user.ID, "") },
		"new session": func() (err error) {
			_, _, err = h.NewSession(h.ctx, &SignIn{User: user, complete: true}, origin)
			return err
		},
		"change password": func() (err error) {
			_, _, err = h.ChangePassword(h.ctx, n, password, "another lamp in it", origin)
			return err
		},
		"second factor": func() (err error) {
			if in, err = h.SignIn(h.ctx, "nurse", password, origin); err == nil {
				_, err = h.SecondFactor(h.ctx, in.Pending, code(t, secret, h.clock.now()), origin)
			}
			return err
		},
		"enrol": func() (err error) {
			if in, err = h.SignIn(h.ctx, "doctor", password, origin); err != nil {
				return err
			}
			k, err := h.EnrolTOTP(h.ctx, in.Pending)
			if err == nil {
				_, _, err = h.EnrolledTOTP(h.ctx, in.Pending, code(t, k.Secret, h.clock.now()), origin)
			}
			return err
		},
		"passkey alone": func() (err error) {
			if options, token, err = h.BeginPasskeySignIn(h.ctx, ""); err == nil {
				_, err = h.FinishPasskeySignIn(h.ctx, token, "", key.Get(t, options), origin)
			}
			return err
		},
		"passkey second": func() (err error) {
			if in, err = h.SignIn(h.ctx, "nurse", password, origin); err != nil {
				return err
			}
			if options, token, err = h.BeginPasskeySignIn(h.ctx, in.Pending); err == nil {
				_, err = h.FinishPasskeySignIn(h.ctx, token, in.Pending, nurseKey.Get(t, options), origin)
			}
			return err
		},
		"register passkey": func() (err error) {
			a := newAuthenticator(t)
			if options, token, err = h.BeginPasskey(h.ctx, user.ID); err == nil {
				_, err = h.FinishPasskey(h.ctx, user.ID, token, "", a.Create(t, options))
			}
			if err == nil {
				err = h.RemovePasskey(h.ctx, user.ID, b64.EncodeToString(a.ID))
			}
			return err
		},
		"outside": func() error {
			address, cookie, err := h.BeginOutside(h.ctx, "op", callback, nil)
			if err != nil {
				return err
			}
			p.follow(t, address, answer)
			_, err = h.FinishOutside(h.ctx, cookie, answer, origin)
			return err
		},
		"providers":         func() (err error) { _, err = h.Providers(h.ctx); return err },
		"outside accounts":  func() (err error) { _, err = h.OutsideAccounts(h.ctx, user.ID); return err },
		"invite":            func() (err error) { _, err = h.Invite(h.ctx, user.ID); return err },
		"accept invitation": func() (err error) { _, err = h.AcceptInvitation(h.ctx, link, password, origin); return err },
		"first link":        func() (err error) { _, err = h.FirstLink(h.ctx); return err },
		"check first":       func() error { return h.CheckFirst(h.ctx, firstLink) },
		"update": func() error {
			user.Login = map[string]string{"noor": "lamp", "lamp": "noor"}[user.Login]
			_, err := h.UpdateUser(h.ctx, *user)
			return err
		},
		"users":          func() (err error) { _, err = h.Users(h.ctx, "", 5); return err },
		"policy":         func() error { return h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Nurse, Practitioner}}) },
		"recovery codes": func() (err error) { _, err = h.NewRecoveryCodes(h.ctx, nurse.ID); return err },
		"sign": func() (err error) {
			_, err = h.Sign(h.ctx, jose.ES384, "JWT", map[string]any{"exp": h.clock.now().Unix() + 60})
			return err
		},
		"rotate": func() error { return h.RotateKeys(h.ctx) },
		"sweep":  func() error { return h.Sweep(h.ctx) },
		"open":   func() error { return h.reopen(h.path) },
		"reset": func() error {
			_, err := ResetKeyFile(h.ctx, Config{Store: b, Issuer: h.config.Issuer, Secret: NewKeyFile(filepath.Join(t.TempDir(), "unused"))})
			return err
		},
	}
	for name, op := range ops {
		if name == "reset" {
			continue // it comes last, since it takes the key file from the others
		}
		failing(t, name, b, prepare, op)
	}
	failing(t, "reset", b, func() {}, ops["reset"])
}

// failing runs an operation with the database failing at its first call, its
// second and so on, until it comes to its end.
func failing(t *testing.T, name string, b *breaking, prepare func(), op func() error) {
	const most = 60
	for n := range most {
		b.until = -1
		prepare()
		b.until, b.broke = n, false
		err := op()
		switch {
		case !b.broke && err != nil:
			t.Errorf("%s: %v", name, err)
			return
		case !b.broke && n > 0:
			return
		case !errors.Is(err, errBroken):
			t.Errorf("%s, call %d: %v", name, n, err)
		}
	}
	t.Errorf("%s does not end", name)
}

// without is an error that is as it should be.
func without(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
