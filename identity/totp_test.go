package identity

import (
	"bytes"
	"encoding/base32"
	"errors"
	"image/png"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"pgregory.net/rapid"
)

// code is what an authenticator app shows at a time.
func code(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCodeCustom(secret, at, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// enrol gives a user TOTP, and lets the code that was used for it pass.
func (h house) enrol(t testing.TB, user string) (secret string, recovery []string) {
	t.Helper()
	key, err := h.BeginTOTP(h.ctx, user)
	if err != nil {
		t.Fatal(err)
	}
	recovery, err = h.ConfirmTOTP(h.ctx, user, code(t, key.Secret, h.clock.now()))
	if err != nil {
		t.Fatal(err)
	}
	h.clock.jump(5 * time.Minute)
	return key.Secret, recovery
}

// pendingSignIn gives the password of a user who has a second factor.
func (h house) pendingSignIn(t testing.TB, login string) *SignIn {
	t.Helper()
	in, err := h.SignIn(h.ctx, login, password, ward)
	if err != nil {
		t.Fatal(err)
	}
	if in.Pending == "" {
		t.Fatal("no second factor asked for")
	}
	return in
}

func TestCodesAreThoseOfTheRFC(t *testing.T) {
	// RFC 6238, Appendix B, the last six of eight digits.
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	h := openHouse(t, Config{})
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		h.clock.at = time.Unix(at, 0)
		sealed, err := h.config.Secret.seal(totpPurpose("u"), []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.useTOTP("u", &totpKey{Sealed: sealed}, want); err != nil {
			t.Errorf("%d: %v", at, err)
		}
	}
}

func TestWhoHasTOTPNeedsACodeAfterThePassword(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	secret, _ := h.enrol(t, u.ID)
	in := h.pendingSignIn(t, "noor")
	if !slices.Equal(in.Factors, []Factor{FactorCode}) {
		t.Error(in.Factors)
	}
	if _, _, err := h.NewSession(h.ctx, in, ward); !errors.Is(err, ErrSecondFactor) {
		t.Errorf("a session without it: %v", err)
	}
	shown, err := h.PendingSignIn(h.ctx, in.Pending)
	if err != nil || shown.User.ID != u.ID || shown.complete {
		t.Errorf("%+v, %v", shown, err)
	}
	for _, wrong := range []string{"", "000000", "x", code(t, secret, h.clock.now().Add(2*time.Minute)), code(t, secret, h.clock.now().Add(-2*time.Minute))} {
		if _, err := h.SecondFactor(h.ctx, in.Pending, wrong, ward); !errors.Is(err, ErrCode) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	shownCode := code(t, secret, h.clock.now().Add(-30*time.Second)) // an app's clock may be wrong
	done, err := h.SecondFactor(h.ctx, in.Pending, shownCode[:3]+" "+shownCode[3:], ward)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(done.Methods, []string{MethodPassword, MethodOTP, MethodMulti}) {
		t.Error(done.Methods)
	}
	if _, _, err := h.NewSession(h.ctx, done, ward); err != nil {
		t.Error(err)
	}
	if _, err := h.SecondFactor(h.ctx, in.Pending, code(t, secret, h.clock.now()), ward); !errors.Is(err, ErrPending) {
		t.Errorf("the same sign-in twice: %v", err)
	}
}

func TestOfTwoProcessesOneAcceptsACode(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u := a.user(t, "noor")
		secret, recovery := a.enrol(t, u.ID)
		for _, c := range []string{code(t, secret, a.clock.now()), recovery[0]} {
			var wait sync.WaitGroup
			var accepted atomic.Int64
			for i := range 4 {
				h := []house{a, b}[i%2]
				in := h.pendingSignIn(t, "noor")
				wait.Go(func() {
					_, err := h.SecondFactor(h.ctx, in.Pending, c, ward)
					switch {
					case err == nil:
						accepted.Add(1)
					case !errors.Is(err, ErrCode):
						t.Error(err)
					}
				})
			}
			wait.Wait()
			if accepted.Load() != 1 {
				t.Errorf("accepted %d times", accepted.Load())
			}
			if err := a.Unlock(a.ctx, u.ID); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestNoCodeServesTwiceWhateverTheClockDoes(t *testing.T) {
	h := openHouse(t, Config{})
	sealed, err := h.config.Secret.seal(totpPurpose("u"), []byte("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		k := &totpKey{Sealed: sealed}
		h.clock.at = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
		used := map[int64]int{}
		for i := range rapid.IntRange(1, totpKept).Draw(t, "uses") {
			h.clock.jump(time.Duration(rapid.IntRange(-90, 90).Draw(t, "jump")) * time.Second)
			now := h.clock.now()
			step := now.Unix()/totpPeriod + int64(rapid.IntRange(-1, 1).Draw(t, "skew"))
			c, err := totp.GenerateCodeCustom("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", time.Unix(step*totpPeriod, 0), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix})
			if err != nil {
				t.Fatal(err)
			}
			err = h.useTOTP("u", k, c)
			if (err == nil) == (used[step] > 0) {
				t.Fatalf("use %d of step %d: %v", i, step, err)
			}
			used[step]++
		}
	})
}

func TestAClockThatWasAheadDoesNotMakeCodesUseless(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	secret, _ := h.enrol(t, u.ID)
	h.clock.jump(365 * 24 * time.Hour)
	in := h.pendingSignIn(t, "noor")
	if _, err := h.SecondFactor(h.ctx, in.Pending, code(t, secret, h.clock.now()), ward); err != nil {
		t.Fatal(err)
	}
	stale := h.pendingSignIn(t, "noor")
	h.clock.jump(-365 * 24 * time.Hour)
	if _, err := h.SecondFactor(h.ctx, stale.Pending, code(t, secret, h.clock.now()), ward); !errors.Is(err, ErrPending) {
		t.Errorf("a sign-in begun a year ahead: %v", err)
	}
	in = h.pendingSignIn(t, "noor")
	if _, err := h.SecondFactor(h.ctx, in.Pending, code(t, secret, h.clock.now()), ward); err != nil {
		t.Error(err)
	}
}

func TestARecoveryCodeServesOnce(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	_, recovery := h.enrol(t, u.ID)
	if len(recovery) != recoveryCodes {
		t.Fatal(recovery)
	}
	in := h.pendingSignIn(t, "noor")
	if _, err := h.SecondFactor(h.ctx, in.Pending, strings.ToUpper(recovery[3]), ward); err != nil {
		t.Fatal(err)
	}
	in = h.pendingSignIn(t, "noor")
	if _, err := h.SecondFactor(h.ctx, in.Pending, recovery[3], ward); !errors.Is(err, ErrCode) {
		t.Errorf("twice: %v", err)
	}
	renewed, err := h.NewRecoveryCodes(h.ctx, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.SecondFactor(h.ctx, in.Pending, recovery[4], ward); !errors.Is(err, ErrCode) {
		t.Errorf("replaced: %v", err)
	}
	if _, err := h.SecondFactor(h.ctx, in.Pending, renewed[4], ward); err != nil {
		t.Error(err)
	}
}

func TestGuessingCodesIsLockedAlthoughThePasswordIsKnown(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	secret, _ := h.enrol(t, u.ID)
	guesses := 0
	for {
		in, err := h.SignIn(h.ctx, "noor", password, ward)
		if err == nil {
			_, err = h.SecondFactor(h.ctx, in.Pending, "000000", ward)
		}
		if errors.Is(err, ErrLocked) {
			break
		}
		if guesses++; !errors.Is(err, ErrCode) || guesses > freeFailures {
			t.Fatalf("%d: %v", guesses, err)
		}
	}
	h.clock.jump(maxLock)
	in := h.pendingSignIn(t, "noor")
	h.clock.jump(time.Minute)
	if _, err := h.SecondFactor(h.ctx, in.Pending, code(t, secret, h.clock.now()), ward); err != nil && !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
}

func TestASecondFactorIsSetUpAtSignInWhereTheRoleNeedsOne(t *testing.T) {
	h := openHouse(t, Config{})
	h.user(t, "noor", Nurse, Administrator)
	h.user(t, "patient", Patient)
	if err := h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{Administrator, PrivacyOfficer}}); err != nil {
		t.Fatal(err)
	}
	h.signIn(t, "patient")
	in := h.pendingSignIn(t, "noor")
	if !slices.Equal(in.Factors, []Factor{FactorEnrol}) {
		t.Error(in.Factors)
	}
	if _, err := h.SecondFactor(h.ctx, in.Pending, "000000", ward); !errors.Is(err, ErrCode) {
		t.Error(err)
	}
	if _, _, err := h.EnrolledTOTP(h.ctx, in.Pending, "000000", ward); !errors.Is(err, ErrCode) {
		t.Errorf("before it was shown: %v", err)
	}
	key, err := h.EnrolTOTP(h.ctx, in.Pending)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(key.PNG)); err != nil || !strings.HasPrefix(key.URL, "otpauth://totp/ehr.example:noor?") {
		t.Errorf("%s, %v", key.URL, err)
	}
	if _, _, err := h.EnrolledTOTP(h.ctx, in.Pending, "000000", ward); !errors.Is(err, ErrCode) {
		t.Error(err)
	}
	other := h.pendingSignIn(t, "noor")
	done, recovery, err := h.EnrolledTOTP(h.ctx, in.Pending, code(t, key.Secret, h.clock.now()), ward)
	if err != nil || len(recovery) != recoveryCodes {
		t.Fatal(err)
	}
	cookie, _, err := h.NewSession(h.ctx, done, ward)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.good(cookie); err != nil {
		t.Error(err)
	}
	// Who only knows the password cannot put another one in its place.
	if _, err := h.EnrolTOTP(h.ctx, other.Pending); !errors.Is(err, ErrPending) {
		t.Error(err)
	}
	if _, _, err := h.EnrolledTOTP(h.ctx, other.Pending, code(t, key.Secret, h.clock.now()), ward); !errors.Is(err, ErrPending) {
		t.Error(err)
	}
}

func TestAPolicyNamesRolesThatExist(t *testing.T) {
	h := openHouse(t, Config{})
	if err := h.SetPolicy(h.ctx, Policy{SecondFactor: []Role{"chief"}}); err == nil {
		t.Error("it does not")
	}
}

func TestAPendingSignInIsVoidWhenItTookLongOrTheUserChanged(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	secret, _ := h.enrol(t, u.ID)
	in := h.pendingSignIn(t, "noor")
	h.clock.jump(pendingLife)
	if _, err := h.SecondFactor(h.ctx, in.Pending, code(t, secret, h.clock.now()), ward); !errors.Is(err, ErrPending) {
		t.Error(err)
	}
	in = h.pendingSignIn(t, "noor")
	if err := h.SetPassword(h.ctx, u.ID, "another lamp in it"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.SecondFactor(h.ctx, in.Pending, code(t, secret, h.clock.now()), ward); !errors.Is(err, ErrPending) {
		t.Error(err)
	}
	for _, made := range []string{"", "x", pendingPrefix, "\x00"} {
		if _, err := h.PendingSignIn(h.ctx, made); !errors.Is(err, ErrPending) {
			t.Errorf("%q: %v", made, err)
		}
	}
}

func TestSecretsOfSecondFactorsAreNotStoredInTheClear(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	secret, recovery := h.enrol(t, u.ID)
	if _, err := h.BeginTOTP(h.ctx, u.ID); err != nil {
		t.Fatal(err)
	}
	i, err := h.config.Store.ReadItem(h.ctx, kindCredentials, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append(recovery, secret, password, strings.ReplaceAll(recovery[0], "-", "")) {
		if strings.Contains(strings.ToUpper(string(i.Body)), strings.ToUpper(s)) {
			t.Errorf("%s is", s)
		}
	}
}
