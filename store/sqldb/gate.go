package sqldb

import (
	"sync"

	"github.com/inglehealth/ingle/store"
)

// Gate lets operations into a store until it is closed. The zero Gate is open.
// It is safe for concurrent use.
type Gate struct {
	mu   sync.RWMutex
	shut bool
}

// Enter begins an operation, which Leave ends. It fails with store.ErrClosed
// once the gate is shut.
func (g *Gate) Enter() error {
	g.mu.RLock()
	if g.shut {
		g.mu.RUnlock()
		return store.ErrClosed
	}
	return nil
}

// Leave ends an operation.
func (g *Gate) Leave() { g.mu.RUnlock() }

// Shut waits for the operations under way and lets in no more.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}
