package identity

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// counted are failed sign-ins as others count them.
type counted struct {
	mu   sync.Mutex
	left map[netip.Addr]int
}

func (c *counted) Take(a netip.Addr) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left[a] == 0 {
		return time.Minute
	}
	c.left[a]--
	return 0
}

func (c *counted) GiveBack(a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left[a]++
}

func TestFailedSignInsAreCountedWhereTheConfigurationSays(t *testing.T) {
	shared := &counted{left: map[netip.Addr]int{ward.Address: 2}}
	h := openHouse(t, Config{Addresses: shared})
	h.user(t, "noor")
	for range 3 {
		h.signIn(t, "noor") // is given back
	}
	for _, nobody := range []string{"a", "b"} {
		if _, err := h.SignIn(h.ctx, nobody, password, ward); !errors.Is(err, ErrCredentials) {
			t.Error(err)
		}
	}
	var wait *WaitError
	if _, err := h.SignIn(h.ctx, "noor", password, ward); !errors.As(err, &wait) || !wait.Until.Equal(h.clock.now().Add(time.Minute)) {
		t.Error(err)
	}
}
