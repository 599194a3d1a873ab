package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/internal/passkeytest"
)

func newAuthenticator(t *testing.T) *passkeytest.Authenticator {
	return passkeytest.New(t, "https://ehr.example")
}

var b64 = base64.RawURLEncoding

// register gives a user a passkey.
func (h house) register(t *testing.T, user string) *passkeytest.Authenticator {
	t.Helper()
	a := newAuthenticator(t)
	options, token, err := h.BeginPasskey(h.ctx, user)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.FinishPasskey(h.ctx, user, token, " phone ", a.Create(t, options))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "phone" || p.ID != b64.EncodeToString(a.ID) {
		t.Errorf("%+v", p)
	}
	return a
}

// alone signs in with a passkey alone.
func (h house) alone(t *testing.T, a *passkeytest.Authenticator) (*SignIn, error) {
	t.Helper()
	options, token, err := h.BeginPasskeySignIn(h.ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	return h.FinishPasskeySignIn(h.ctx, token, "", a.Get(t, options), ward)
}

func TestAPasskeySignsInAloneAsTwoFactors(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor", Administrator)
	if err := h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Administrator}}); err != nil {
		t.Fatal(err)
	}
	a := h.register(t, u.ID)
	in, err := h.alone(t, a)
	if err != nil || in.User.ID != u.ID || !slices.Equal(in.Methods, []string{MethodPasskey, MethodPresence, MethodMulti}) {
		t.Fatalf("%+v, %v", in, err)
	}
	cookie, _, err := h.NewSession(h.ctx, in, ward)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.good(cookie); err != nil {
		t.Error(err)
	}
	all, err := h.Passkeys(h.ctx, u.ID)
	if err != nil || len(all) != 1 || all[0].Used.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	a.Verified = false
	if _, err := h.alone(t, a); !errors.Is(err, ErrPasskey) {
		t.Errorf("a device that does not know its user: %v", err)
	}
}

func TestAPasskeyIsASecondFactor(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor", Administrator)
	if err := h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Administrator}}); err != nil {
		t.Fatal(err)
	}
	a := h.register(t, u.ID)
	a.Verified = false // it need not be: the password is the other factor
	in := h.pendingSignIn(t, "noor")
	if !slices.Equal(in.Factors, []Factor{FactorPasskey}) {
		t.Error(in.Factors)
	}
	options, token, err := h.BeginPasskeySignIn(h.ctx, in.Pending)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.FinishPasskeySignIn(h.ctx, token, "", a.Get(t, options), ward); !errors.Is(err, ErrPasskey) {
		t.Errorf("without the password's sign-in: %v", err)
	}
	options, token, err = h.BeginPasskeySignIn(h.ctx, in.Pending)
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.FinishPasskeySignIn(h.ctx, token, in.Pending, a.Get(t, options), ward)
	if err != nil || !slices.Equal(done.Methods, []string{MethodPassword, MethodPasskey, MethodMulti}) {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, _, err := h.NewSession(h.ctx, done, ward); err != nil {
		t.Error(err)
	}
	if _, _, err := h.BeginPasskeySignIn(h.ctx, in.Pending); !errors.Is(err, ErrPending) {
		t.Errorf("the same sign-in twice: %v", err)
	}
}

func TestAnothersPasskeyIsNoSecondFactor(t *testing.T) {
	h := openHouse(t, Config{})
	u, other := h.user(t, "noor", Nurse), h.user(t, "other")
	if err := h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Nurse}}); err != nil {
		t.Fatal(err)
	}
	h.register(t, u.ID)
	a := h.register(t, other.ID)
	in := h.pendingSignIn(t, "noor")
	options, token, err := h.BeginPasskeySignIn(h.ctx, in.Pending)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.FinishPasskeySignIn(h.ctx, token, in.Pending, a.Get(t, options), ward); !errors.Is(err, ErrPasskey) {
		t.Error(err)
	}
}

func TestABadPasskeyAnswerIsRefused(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	good := h.register(t, u.ID)
	for name, bend := range map[string]func(a *passkeytest.Authenticator){
		"a phishing site's":     func(a *passkeytest.Authenticator) { a.Origin = "https://ehr.example.evil.example" },
		"another key":           func(a *passkeytest.Authenticator) { a.Key = newAuthenticator(t).Key },
		"an unknown passkey":    func(a *passkeytest.Authenticator) { a.ID = newAuthenticator(t).ID },
		"another user's handle": func(a *passkeytest.Authenticator) { a.Handle = []byte(h.user(t, "other").ID) },
		"nobody's handle":       func(a *passkeytest.Authenticator) { a.Handle = []byte("\x00\xff") },
		"a copy's counter":      func(a *passkeytest.Authenticator) { a.Count = 0 },
	} {
		if _, err := h.alone(t, good); err != nil {
			t.Fatal(err)
		}
		bent := *good
		bend(&bent)
		if in, err := h.alone(t, &bent); !errors.Is(err, ErrPasskey) {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
	}
	options, token, err := h.BeginPasskeySignIn(h.ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	answer := good.Get(t, options)
	for _, bad := range [][]byte{nil, []byte("{}"), []byte("null"), answer[:len(answer)/2], []byte(strings.Repeat("x", maxPasskeyJSON+1))} {
		options, token, err := h.BeginPasskeySignIn(h.ctx, "")
		if err != nil || len(options) == 0 {
			t.Fatal(err)
		}
		if _, err := h.FinishPasskeySignIn(h.ctx, token, "", bad, ward); !errors.Is(err, ErrPasskey) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	_, other, err := h.BeginPasskeySignIn(h.ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.FinishPasskeySignIn(h.ctx, other, "", answer, ward); !errors.Is(err, ErrPasskey) {
		t.Errorf("an answer to another challenge: %v", err)
	}
	if _, err := h.FinishPasskeySignIn(h.ctx, token, "", answer, ward); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestAnAnswerOfAPasskeyServesOnce(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u := a.user(t, "noor")
		key := a.register(t, u.ID)
		options, token, err := a.BeginPasskeySignIn(a.ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		answer := key.Get(t, options)
		var wait sync.WaitGroup
		var accepted atomic.Int64
		for i := range 4 {
			h := []house{a, b}[i%2]
			wait.Go(func() {
				_, err := h.FinishPasskeySignIn(h.ctx, token, "", answer, ward)
				switch {
				case err == nil:
					accepted.Add(1)
				case !errors.Is(err, ErrPasskey):
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if accepted.Load() != 1 {
			t.Errorf("%d times", accepted.Load())
		}
		_, token, err = a.BeginPasskeySignIn(a.ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		a.clock.jump(ceremonyLife)
		if _, err := b.FinishPasskeySignIn(b.ctx, token, "", answer, ward); !errors.Is(err, ErrPasskey) {
			t.Errorf("too late: %v", err)
		}
	})
}

func TestAPasskeyIsRegisteredOnceByTheUserWhoBegan(t *testing.T) {
	h := openHouse(t, Config{})
	u, other := h.user(t, "noor"), h.user(t, "other")
	a := h.register(t, u.ID)
	begin := func(user string) (json.RawMessage, string) {
		options, token, err := h.BeginPasskey(h.ctx, user)
		if err != nil {
			t.Fatal(err)
		}
		return options, token
	}
	options, token := begin(other.ID)
	if _, err := h.FinishPasskey(h.ctx, other.ID, token, "", a.Create(t, options)); !errors.Is(err, ErrPasskey) {
		t.Errorf("another's passkey: %v", err)
	}
	options, token = begin(u.ID)
	if _, err := h.FinishPasskey(h.ctx, other.ID, token, "", newAuthenticator(t).Create(t, options)); !errors.Is(err, ErrPasskey) {
		t.Errorf("begun by another: %v", err)
	}
	_, token = begin(u.ID)
	if _, err := h.FinishPasskeySignIn(h.ctx, token, "", nil, ward); !errors.Is(err, ErrPasskey) {
		t.Errorf("a registration as sign-in: %v", err)
	}
	for _, bad := range [][]byte{nil, []byte("{}"), []byte(strings.Repeat("x", maxPasskeyJSON+1))} {
		_, token = begin(u.ID)
		if _, err := h.FinishPasskey(h.ctx, u.ID, token, "", bad); !errors.Is(err, ErrPasskey) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	options, token = begin(u.ID)
	evil := newAuthenticator(t)
	evil.Origin = "https://evil.example"
	if _, err := h.FinishPasskey(h.ctx, u.ID, token, "", evil.Create(t, options)); !errors.Is(err, ErrPasskey) {
		t.Errorf("on another site: %v", err)
	}
	if all, err := h.Passkeys(h.ctx, u.ID); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestAPasskeyThatIsRemovedEndsSessionsAndSignsInNoMore(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	a := h.register(t, u.ID)
	cookie, _ := h.signIn(t, "noor")
	if err := h.RemovePasskey(h.ctx, u.ID, "another"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err := h.RemovePasskey(h.ctx, u.ID, b64.EncodeToString(a.ID)); err != nil {
		t.Fatal(err)
	}
	if err := h.good(cookie); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
	if _, err := h.alone(t, a); !errors.Is(err, ErrPasskey) {
		t.Error(err)
	}
}

func TestFactorsThatWereStolenAreRemovedTogether(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	h.enrol(t, u.ID)
	a := h.register(t, u.ID)
	if err := h.RemoveFactors(h.ctx, u.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.alone(t, a); !errors.Is(err, ErrPasskey) {
		t.Errorf("the passkey: %v", err)
	}
	if in, err := h.SignIn(h.ctx, "noor", password, ward); err != nil || in.Pending != "" {
		t.Errorf("%+v, %v", in, err)
	}
	has, err := h.Credentials(h.ctx, u.ID)
	if err != nil || has.TOTP || has.Recovery > 0 || len(has.Passkeys) > 0 || !has.Password {
		t.Errorf("%+v, %v", has, err)
	}
}

func TestADisabledUsersPasskeySignsNobodyIn(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	a := h.register(t, u.ID)
	u.Disabled = true
	if _, err := h.UpdateUser(h.ctx, *u); err != nil {
		t.Fatal(err)
	}
	if _, err := h.alone(t, a); !errors.Is(err, ErrDisabled) {
		t.Error(err)
	}
}

func TestALockedLoginIsOpenToItsPasskey(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	a := h.register(t, u.ID)
	for range freeFailures {
		_, _ = h.SignIn(h.ctx, "noor", "not the password", ward)
	}
	if _, err := h.alone(t, a); err != nil {
		t.Error(err)
	}
}

func TestBrowsersHavePasskeysOnlyForNamesWithHTTPS(t *testing.T) {
	for issuer, want := range map[string]bool{
		"https://ehr.example": true, "https://ehr.example:8443/t/east": true, "http://localhost:8080": true,
		"http://ehr.example": false, "http://127.0.0.1:8080": false, "https://192.0.2.1": false, "https://[::1]": false,
	} {
		h := openHouse(t, Config{Issuer: issuer})
		u := h.user(t, "noor")
		if _, _, err := h.BeginPasskey(h.ctx, u.ID); (err == nil) != want || err != nil && !errors.Is(err, ErrNoPasskeys) {
			t.Errorf("%s: %v", issuer, err)
		}
		if _, _, err := h.BeginPasskeySignIn(h.ctx, ""); (err == nil) != want {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestAUserHasOnlySoManyPasskeys(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	for range maxPasskeys {
		h.register(t, u.ID)
	}
	if _, _, err := h.BeginPasskey(h.ctx, u.ID); err == nil {
		t.Error("one more")
	}
}
