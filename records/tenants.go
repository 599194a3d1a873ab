package records

import (
	"errors"
	"sync"
)

// Tenants are the Doors of one process by name; "" is the default one.
type Tenants struct {
	mu    sync.RWMutex
	doors map[string]*Door
	order []string
}

// NewTenants holds doors by their names, which differ.
func NewTenants(doors ...*Door) *Tenants {
	t := &Tenants{doors: map[string]*Door{}}
	for _, d := range doors {
		t.doors[d.Name()] = d
		t.order = append(t.order, d.Name())
	}
	return t
}

// Door returns the door called name.
func (t *Tenants) Door(name string) (*Door, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	d, ok := t.doors[name]
	return d, ok
}

// Names lists the tenants in the order they were given.
func (t *Tenants) Names() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return append([]string(nil), t.order...)
}

// Close closes every door.
func (t *Tenants) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, d := range t.doors {
		errs = append(errs, d.Close())
	}
	return errors.Join(errs...)
}
