package identity

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"image/png"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// TOTPKey is what an authenticator app is told: RFC 6238 with SHA-1, six digits
// and 30 seconds, which all of them know.
type TOTPKey struct {
	Secret string // base32, to type
	URL    string // otpauth://
	PNG    []byte // the URL as a QR code
}

// totpKey is a stored TOTP secret.
type totpKey struct {
	Sealed []byte  `json:"sealed"`
	Used   []int64 `json:"used,omitempty"` // the steps of the codes used last
}

const (
	totpPeriod  = 30
	totpSkew    = 1  // steps that an app's clock may be wrong
	totpKept    = 16 // used steps remembered: more than are valid at one time
	totpQRPixel = 240
)

func totpPurpose(user string) string { return "totp " + user }

// BeginTOTP makes a new TOTP secret for a user, which counts when ConfirmTOTP
// gets a code made with it.
func (s *Service) BeginTOTP(ctx context.Context, user string) (*TOTPKey, error) {
	var key *otp.Key
	err := s.change(ctx, user, false, func(a *account) (err error) {
		issuer, err := url.Parse(s.config.Issuer)
		if err != nil {
			return err
		}
		key, err = totp.Generate(totp.GenerateOpts{Issuer: issuer.Hostname(), AccountName: a.user.Login, Period: totpPeriod, SecretSize: 20})
		if err != nil {
			return err
		}
		sealed, err := s.config.Secret.seal(totpPurpose(user), []byte(key.Secret()))
		a.has.Offered = &totpKey{Sealed: sealed}
		return err
	})
	if err != nil {
		return nil, err
	}
	image, err := key.Image(totpQRPixel, totpQRPixel)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, image); err != nil {
		return nil, err
	}
	return &TOTPKey{Secret: key.Secret(), URL: key.URL(), PNG: b.Bytes()}, nil
}

// ConfirmTOTP puts the secret of BeginTOTP into use and returns the recovery
// codes, each of which replaces one code when the app is lost. They are shown
// once. ErrCode.
func (s *Service) ConfirmTOTP(ctx context.Context, user, code string) (recovery []string, err error) {
	err = s.change(ctx, user, false, func(a *account) error {
		recovery, err = s.confirm(a, code)
		return err
	})
	return recovery, err
}

func (s *Service) confirm(a *account, code string) (recovery []string, err error) {
	if a.has.Offered == nil {
		return nil, ErrCode
	}
	if err := s.useTOTP(a.user.ID, a.has.Offered, code); err != nil {
		return nil, err
	}
	a.has.TOTP, a.has.Offered = a.has.Offered, nil
	recovery, a.has.Recovery = newRecovery()
	return recovery, nil
}

// RemoveTOTP takes TOTP and recovery codes from a user, whose sessions and
// grants end.
func (s *Service) RemoveTOTP(ctx context.Context, user string) error {
	return s.change(ctx, user, true, func(a *account) error {
		a.has.TOTP, a.has.Offered, a.has.Recovery = nil, nil, nil
		return nil
	})
}

// useCode uses up a TOTP code or a recovery code of an account, which is then to
// be written; ErrCode.
func (s *Service) useCode(a *account, code string) error {
	if a.has.TOTP == nil {
		return ErrCode
	}
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	if len(code) == base32.StdEncoding.EncodedLen(recoveryBytes) {
		n := slices.Index(a.has.Recovery, hashed(code))
		if n < 0 {
			return ErrCode
		}
		a.has.Recovery = slices.Delete(a.has.Recovery, n, n+1)
		return nil
	}
	return s.useTOTP(a.user.ID, a.has.TOTP, code)
}

// useTOTP notes the step of a code as used. That the steps are remembered, and
// not only the last one, keeps a code from serving twice whichever way the clock
// jumps, and a clock that was ahead once from refusing all codes until then.
func (s *Service) useTOTP(user string, k *totpKey, code string) error {
	if k.Sealed == nil {
		return ErrCode // lost with the key file
	}
	secret, err := s.config.Secret.open(totpPurpose(user), k.Sealed)
	if err != nil {
		return fmt.Errorf("TOTP secret of user %s: %w", user, err)
	}
	now, found := s.now().Unix()/totpPeriod, int64(-1)
	for step := now - totpSkew; step <= now+totpSkew; step++ {
		want, err := totp.GenerateCodeCustom(string(secret), time.Unix(step*totpPeriod, 0), totp.ValidateOpts{Period: totpPeriod, Digits: otp.DigitsSix})
		if err != nil {
			return errors.Join(ErrCode, err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && !slices.Contains(k.Used, step) {
			found = step
		}
	}
	if found < 0 {
		return ErrCode
	}
	k.Used = append(k.Used, found)
	k.Used = k.Used[max(0, len(k.Used)-totpKept):]
	return nil
}
