package auth

import (
	"math"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/spec/fault"
)

// Limits are how often something may be asked for. A burst is what may come at
// once; zero fields mean defaults.
type Limits struct {
	Tokens             rate.Limit // requests a second of a confidential client, and of an address (20)
	TokensBurst        int        // (100)
	Registrations      rate.Limit // a second from an address (one in a minute)
	RegistrationsBurst int        // (10)
}

func (l Limits) withDefaults() Limits {
	if l.Tokens == 0 {
		l.Tokens = 20
	}
	if l.TokensBurst == 0 {
		l.TokensBurst = 100
	}
	if l.Registrations == 0 {
		l.Registrations = rate.Every(time.Minute)
	}
	if l.RegistrationsBurst == 0 {
		l.RegistrationsBurst = 10
	}
	return l
}

// limitersKept is how many clients or addresses a limiter tells apart.
const limitersKept = 10_000

// limiter limits each of those seen last, in the memory of this process. It is
// safe for concurrent use.
type limiter struct {
	limit rate.Limit
	burst int
	clock func() time.Time
	mu    sync.Mutex
	of    *recent.Map[string, *rate.Limiter]
}

func newLimiter(limit rate.Limit, burst int, clock func() time.Time) *limiter {
	return &limiter{limit: limit, burst: burst, clock: clock, of: recent.NewMap[string, *rate.Limiter](limitersKept)}
}

// take takes one of what key may have, or says how long to wait.
func (l *limiter) take(key string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one, ok := l.of.Get(key)
	if !ok {
		one = rate.NewLimiter(l.limit, l.burst)
		l.of.Put(key, one)
	}
	now := l.clock()
	r := one.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// throttle refuses what comes too often.
func (c *call) throttle(l *limiter, key string) error {
	wait, ok := l.take(key)
	if ok {
		return nil
	}
	c.retryAfter(wait)
	return fault.New(fault.Throttled, fault.CodeThrottled, "", "Too many requests. Wait as long as Retry-After says.")
}

func (c *call) retryAfter(wait time.Duration) {
	c.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

// address is where the request comes from; the zero Addr when that is unknown.
func (c *call) address() netip.Addr {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// network is what one client can choose addresses from, as a key.
func (c *call) network() string {
	a := c.address()
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.String()
		}
	}
	return a.String()
}
