package records

import (
	"errors"
	"slices"
	"sync"
)

// Tenants are the Doors of one process by name; "" is the default one. They are safe for
// concurrent use.
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

// Add adds a door behind the others; false when there is one of its name.
func (t *Tenants) Add(d *Door) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, there := t.doors[d.Name()]; there {
		return false
	}
	t.doors[d.Name()] = d
	t.order = append(t.order, d.Name())
	return true
}

// Remove takes a door out, which the caller closes; nil when there is none of that name.
func (t *Tenants) Remove(name string) *Door {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.doors[name]
	delete(t.doors, name)
	t.order = slices.DeleteFunc(t.order, func(n string) bool { return n == name })
	return d
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
