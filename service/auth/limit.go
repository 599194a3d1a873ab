package auth

import (
	"math"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/service/web"
)

// throttle counts a request by what it asks for and whom it counts for, and refuses
// what comes too often.
func (c *call) throttle(m limits.Meter, who limits.Who) error {
	v := c.Door.Limits().Take(m, who, 1)
	if x := web.From(c.r.Context()); x != nil {
		return x.Limit(v)
	}
	if !v.Refused {
		return nil
	}
	c.retryAfter(v.Wait)
	return web.Throttled(v)
}

func (c *call) retryAfter(wait time.Duration) {
	c.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

// client is where the request comes from, as limits count addresses.
func (c *call) client() limits.Who {
	return limits.Who{Address: limits.AddressOf(web.AddressOf(c.r))}
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
