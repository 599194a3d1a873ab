package identity

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Lock-out of a login, whether or not it exists: so many failures in a row are
// free, then one waits a minute, two, four, and at most maxLock before each
// further one. A sign-in that succeeds, or a day without any, clears it. Sign-in
// with a passkey alone is not counted, since it cannot be guessed, so that who
// guesses passwords does not lock those out who have one.
const (
	freeFailures = 10
	firstLock    = time.Minute
	maxLock      = 15 * time.Minute
	forgotten    = 24 * time.Hour
)

const kindAttempts = "attempts" // by hash of the login

// attempts counts the sign-ins of a login that have not succeeded (yet).
type attempts struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
	Until time.Time `json:"until"`
}

// attempt counts a sign-in before its outcome is known, so that many at once are
// counted, too, in whatever process; a *WaitError when it may not be tried now.
func (s *Service) attempt(ctx context.Context, login string) error {
	return again(func() error {
		var a attempts
		version, err := s.read(ctx, kindAttempts, hashed(login), &a)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		now := s.now()
		// A wait longer than any that is given is of a clock that was wrong.
		if left := a.Until.Sub(now); left > 0 && left <= maxLock {
			return &WaitError{Until: a.Until}
		}
		if now.Sub(a.Last) > forgotten {
			a.Count = 0
		}
		a.Count++
		a.Last, a.Until = now, time.Time{}
		if over := a.Count - freeFailures; over >= 0 {
			a.Until = now.Add(min(firstLock<<min(over, 10), maxLock))
		}
		var c changes
		c.put(kindAttempts, hashed(login), version, a, now.Add(forgotten))
		return s.write(ctx, &c)
	})
}

// succeeded clears what attempt counted.
func (s *Service) succeeded(ctx context.Context, login string) error {
	var c changes
	c.remove(kindAttempts, hashed(login), store.Any)
	return s.write(ctx, &c)
}

// Unlock clears the failures of a user's login.
func (s *Service) Unlock(ctx context.Context, user string) error {
	u, err := s.User(ctx, user)
	if err != nil {
		return err
	}
	return s.succeeded(ctx, loginKey(u.Login))
}
