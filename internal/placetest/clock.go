package placetest

import (
	"sync"
	"time"
)

// Clock is set by tests. It stands still from nine o'clock of 1 March 2026, and is safe for concurrent use.
type Clock struct {
	mu   sync.Mutex
	past time.Duration
}

// Time is the time of the clock.
func (c *Clock) Time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).Add(c.past)
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past += d
}
