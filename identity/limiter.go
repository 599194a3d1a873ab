package identity

import (
	"net/netip"
	"sync"
	"time"

	"github.com/inglehealth/ingle/internal/recent"
)

// Failed sign-ins of an address: a ward behind one address may fail so often at
// once, and once more every addressRefill.
const (
	addressBurst  = 50
	addressRefill = 6 * time.Second
	addressesKept = 10_000
)

// AddressLimits limit how often sign-ins from an address fail, in all processes. They
// are safe for concurrent use.
type AddressLimits interface {
	// Take counts a sign-in that may fail, or says how long to wait.
	Take(a netip.Addr) (wait time.Duration)
	// GiveBack counts it no more, since it did not fail.
	GiveBack(a netip.Addr)
}

type addressLimiter interface {
	// take fails with a *WaitError.
	take(a netip.Addr, now time.Time) error
	giveBack(a netip.Addr, now time.Time)
}

func sharing(l AddressLimits) addressLimiter {
	if l == nil {
		return newLimiter()
	}
	return shared{l}
}

type shared struct{ AddressLimits }

func (s shared) take(a netip.Addr, now time.Time) error {
	if wait := s.Take(a); wait > 0 {
		return &WaitError{Until: now.Add(wait)}
	}
	return nil
}

func (s shared) giveBack(a netip.Addr, _ time.Time) { s.GiveBack(a) }

// limiter holds a token bucket for each of the addresses seen last, in the
// memory of this process.
type limiter struct {
	mu      sync.Mutex // of what is in the buckets
	buckets *recent.Map[netip.Prefix, *bucket]
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter() *limiter {
	return &limiter{buckets: recent.NewMap[netip.Prefix, *bucket](addressesKept)}
}

// take takes a token; a *WaitError when there is none.
func (l *limiter) take(a netip.Addr, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(network(a), now)
	if b.tokens < 1 {
		return &WaitError{Until: now.Add(time.Duration((1 - b.tokens) * float64(addressRefill)))}
	}
	b.tokens--
	return nil
}

// giveBack returns a token that was not needed.
func (l *limiter) giveBack(a netip.Addr, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(network(a), now)
	b.tokens = min(b.tokens+1, addressBurst)
}

// bucket finds or makes a bucket and fills it up to now. A clock that went back
// fills nothing.
func (l *limiter) bucket(p netip.Prefix, now time.Time) *bucket {
	if b, ok := l.buckets.Get(p); ok {
		b.tokens = min(b.tokens+max(0, now.Sub(b.at).Seconds()/addressRefill.Seconds()), addressBurst)
		b.at = now
		return b
	}
	b := &bucket{tokens: addressBurst, at: now}
	l.buckets.Put(p, b)
	return b
}

// network is what one client can choose addresses from: all of IPv4, or the
// first 64 bits of IPv6.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // the zero Prefix, for what is no address, counts as one
	return p
}
