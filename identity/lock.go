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
// further one. A sign-in that succeeds, or a day without any, clears it. Failures
// are counted by the network that they come from, so that who guesses locks that
// out and nobody elsewhere, and, for who has many networks, all together as well
// (NIST SP 800-63B §5.2.2). Sign-in with a passkey alone is not counted, since it
// cannot be guessed, and a browser that is known counts by itself.
const (
	freeFailures = 10  // of a network, or a known browser
	freeInAll    = 100 // of all networks together
	firstLock    = time.Minute
	maxLock      = 15 * time.Minute
	forgotten    = 24 * time.Hour
)

const kindAttempts = "attempts" // by the ids of counts; found by the login's hash

// attempts counts the sign-ins that have not succeeded (yet).
type attempts struct {
	Count int       `json:"count"`
	Last  time.Time `json:"last"`
	Until time.Time `json:"until"`
}

// count is what an attempt counts with.
type count struct {
	id   string
	free int // failures
}

// tried is an attempt to sign in that was counted.
type tried struct {
	counts []count
	payer  netip.Addr // the address that paid for it
	paid   bool
}

// begin counts an attempt for a login. A known browser does not pay from what its
// address has: those who share the address cannot use that up for it.
func (s *Service) begin(ctx context.Context, login string, from Origin) (t tried, err error) {
	counts, isKnown := s.countsOf(login, from)
	if !isKnown {
		if t, err = s.pay(from); err != nil {
			return t, err
		}
	}
	t.counts = counts
	return t, s.attempt(ctx, counts, login)
}

// pay counts an attempt with an address.
func (s *Service) pay(from Origin) (tried, error) {
	err := s.addresses.take(from.Address, s.now())
	return tried{payer: from.Address, paid: err == nil}, err
}

// counting says which attempts are cleared by one that was for nobody's login
// when it began.
func (s *Service) counting(t tried, a *account, from Origin) tried {
	t.counts, _ = s.countsOf(loginKey(a.user.Login), from)
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
func (s *Service) attempt(ctx context.Context, counts []count, login string) error {
	return again(func() error {
		var c changes
		var wait time.Time
		for _, one := range counts {
			until, err := s.count(ctx, &c, one, login)
			if err != nil {
				return err
			}
			wait = latest(wait, until)
		}
		if !wait.IsZero() {
			return &WaitError{Until: wait}
		}
		return s.write(ctx, &c)
	})
}

// count adds one more to a count, or says until when none may be added.
func (s *Service) count(ctx context.Context, c *changes, one count, login string) (wait time.Time, err error) {
	var a attempts
	version, err := s.read(ctx, kindAttempts, one.id, &a)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return wait, err
	}
	now := s.now()
	// A wait longer than any that is given is of a clock that was wrong.
	if left := a.Until.Sub(now); left > 0 && left <= maxLock {
		return a.Until, nil
	}
	if now.Sub(a.Last) > forgotten {
		a.Count = 0
	}
	a.Count++
	a.Last, a.Until = now, time.Time{}
	if over := a.Count - one.free; over >= 0 {
		a.Until = now.Add(min(firstLock<<min(over, 10), maxLock))
	}
	c.put(kindAttempts, one.id, version, a, now.Add(forgotten), attemptsOf(login))
	return wait, nil
}

func attemptsOf(login string) store.ItemKey {
	return store.ItemKey{Name: "login", Value: hashed(login)}
}

// succeeded clears what attempt counted.
func (s *Service) succeeded(ctx context.Context, t tried) error {
	var c changes
	t.clear(&c)
	return s.write(ctx, &c)
}

func (t tried) clear(c *changes) {
	for _, one := range t.counts {
		c.remove(kindAttempts, one.id, store.Any)
	}
}

// Unlock clears the failures for a user's login, wherever they came from.
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
