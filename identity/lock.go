package identity

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Lock-out of a login, whether or not it exists: so many failures in a row are
// free, then one waits a minute, two, four, and at most maxLock before each
// further one. A sign-in that succeeds, or a day without any, clears it. Sign-in
// with a passkey alone is not counted, since it cannot be guessed, and a browser
// that is known counts by itself, so that who guesses passwords locks out neither.
const (
	freeFailures = 10
	firstLock    = time.Minute
	maxLock      = 15 * time.Minute
	forgotten    = 24 * time.Hour
)

const kindAttempts = "attempts" // by hash of the login, or of a known browser; found by the login's

// attempts counts the sign-ins that have not succeeded (yet).
type attempts struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
	Until time.Time `json:"until"`
}

// tried is an attempt to sign in that was counted.
type tried struct {
	count string     // id of the attempts that it counts with
	payer netip.Addr // the address that paid for it
	paid  bool
}

// begin counts an attempt for a login. A known browser does not pay from what its
// address has: those who share the address cannot use that up for it.
func (s *Service) begin(ctx context.Context, login string, from Origin) (t tried, err error) {
	count, isKnown := s.countOf(login, from)
	if !isKnown {
		if t, err = s.pay(from); err != nil {
			return t, err
		}
	}
	t.count = count
	return t, s.attempt(ctx, count, login)
}

// pay counts an attempt with an address.
func (s *Service) pay(from Origin) (tried, error) {
	err := s.addresses.take(from.Address, s.now())
	return tried{payer: from.Address, paid: err == nil}, err
}

// counting says which attempts are cleared by one that was for nobody's login
// when it began.
func (s *Service) counting(t tried, a *account, from Origin) tried {
	t.count, _ = s.countOf(loginKey(a.user.Login), from)
	return t
}

// refund gives an address back what an attempt took that succeeded.
func (s *Service) refund(t tried) {
	if t.paid {
		s.addresses.giveBack(t.payer, s.now())
	}
}

// attempt counts a sign-in before its outcome is known, so that many at once are
// counted, too, in whatever process; a *WaitError when it may not be tried now.
func (s *Service) attempt(ctx context.Context, count, login string) error {
	return again(func() error {
		var a attempts
		version, err := s.read(ctx, kindAttempts, count, &a)
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
		c.put(kindAttempts, count, version, a, now.Add(forgotten), attemptsOf(login))
		return s.write(ctx, &c)
	})
}

func attemptsOf(login string) store.ItemKey {
	return store.ItemKey{Name: "login", Value: hashed(login)}
}

// succeeded clears what attempt counted.
func (s *Service) succeeded(ctx context.Context, t tried) error {
	var c changes
	c.remove(kindAttempts, t.count, store.Any)
	return s.write(ctx, &c)
}

// Unlock clears the failures for a user's login, in whatever browser.
func (s *Service) Unlock(ctx context.Context, user string) error {
	u, err := s.User(ctx, user)
	if err != nil {
		return err
	}
	var c changes
	err = s.walk(ctx, kindAttempts, new(attemptsOf(loginKey(u.Login))), func(i store.Item) error {
		c.remove(kindAttempts, i.ID, store.Any)
		return nil
	})
	if err != nil {
		return err
	}
	return s.write(ctx, &c)
}
