package identity

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/inglehealth/ingle/store"
)

// KeyReset says what ResetKeyFile removed.
type KeyReset struct {
	SigningKeys, TOTPSecrets, Providers int
}

// ResetKeyFile gives a database a new key file when the old one is lost: the
// file that c names, which is made when missing. What only the old one could
// read is removed: signing keys (Open makes new ones), TOTP secrets (their users
// sign in with a recovery code, or set TOTP up again) and the secrets of outside
// providers (which are to be set again). Nobody else may have the database open
// as this tenant; a Service that has must be opened anew.
func ResetKeyFile(ctx context.Context, c Config) (KeyReset, error) {
	var done KeyReset
	s, err := newService(c)
	if err != nil {
		return done, err
	}
	k := s.config.Secret
	if err := k.load(); errors.Is(err, fs.ErrNotExist) {
		err = k.create()
		if err != nil {
			return done, err
		}
	} else if err != nil {
		return done, err
	}
	if done.SigningKeys, err = s.each(ctx, kindSigningKey, func(c *changes, i store.Item) (bool, error) {
		c.remove(kindSigningKey, i.ID, i.Version)
		return true, nil
	}); err != nil {
		return done, err
	}
	if done.TOTPSecrets, err = s.each(ctx, kindCredentials, s.forgetTOTP); err != nil {
		return done, err
	}
	if done.Providers, err = s.each(ctx, kindProvider, func(c *changes, i store.Item) (bool, error) {
		var p provider
		if err := decode(i, &p); err != nil {
			return false, err
		}
		had := p.Sealed != nil
		p.Sealed = nil
		c.put(kindProvider, i.ID, i.Version, p, time.Time{})
		return had, nil
	}); err != nil {
		return done, err
	}
	last := changes{epoch: true}
	for _, alg := range algorithms {
		last.remove(kindSigner, string(alg), store.Any)
	}
	last.put(kindKeyFile, "", store.Any, keyFileItem{k.id}, time.Time{})
	return done, s.write(ctx, &last)
}

// forgetTOTP removes a TOTP secret from credentials. A user whose second factor
// it was still needs one: a recovery code.
func (s *Service) forgetTOTP(c *changes, i store.Item) (bool, error) {
	a := &account{user: &User{ID: i.ID}, version: i.Version}
	if err := decode(i, &a.has); err != nil {
		return false, err
	}
	if a.has.TOTP == nil && a.has.Offered == nil {
		return false, nil
	}
	a.has.Offered = nil
	if a.has.TOTP != nil {
		a.has.TOTP = &totpKey{}
	}
	c.putCredentials(a)
	return true, nil
}

// each writes what f makes of every item of a kind, and counts those of which f
// says so.
func (s *Service) each(ctx context.Context, kind string, f func(*changes, store.Item) (bool, error)) (n int, err error) {
	const page = 100
	for after := ""; ; {
		items, err := s.config.Store.ListItems(ctx, kind, after, page)
		if err != nil {
			return n, err
		}
		c := changes{epoch: true}
		for _, i := range items {
			changed, err := f(&c, i)
			if err != nil {
				return n, err
			}
			if changed {
				n++
			}
			after = i.ID
		}
		if err := s.write(ctx, &c); err != nil {
			return n, err
		}
		if len(items) < page {
			return n, nil
		}
	}
}
