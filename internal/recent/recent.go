// Package recent keeps what was used last, so that what a process remembers has a
// bound.
package recent

import (
	"container/list"
	"sync"
)

// Map keeps the values used last, up to a number of them. It is safe for
// concurrent use.
type Map[K comparable, V any] struct {
	most  int
	mu    sync.Mutex
	at    map[K]*list.Element // of *kept
	order *list.List          // most recently used first
}

type kept[K comparable, V any] struct {
	key   K
	value V
}

// NewMap makes a Map of up to most values, at least one.
func NewMap[K comparable, V any](most int) *Map[K, V] {
	return &Map[K, V]{most: most, at: map[K]*list.Element{}, order: list.New()}
}

// Get returns the value of a key, which counts as used by that.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.at[key]
	if e == nil {
		return value, false
	}
	m.order.MoveToFront(e)
	return e.Value.(*kept[K, V]).value, true
}

// Put keeps a value, in the place of what the key had.
func (m *Map[K, V]) Put(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.at[key]; e != nil {
		e.Value.(*kept[K, V]).value = value
		m.order.MoveToFront(e)
		return
	}
	m.at[key] = m.order.PushFront(&kept[K, V]{key, value})
	for len(m.at) > m.most {
		oldest := m.order.Back()
		m.order.Remove(oldest)
		delete(m.at, oldest.Value.(*kept[K, V]).key)
	}
}

// Remove forgets a key.
func (m *Map[K, V]) Remove(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.at[key]; e != nil {
		m.order.Remove(e)
		delete(m.at, key)
	}
}
