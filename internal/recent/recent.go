// Package recent keeps what was used last, so that what a process remembers has a
// bound.
package recent

import (
	"container/list"
	"sync"
)

// Map keeps the values used last, up to a number of them or to the sum of what
// they are said to take. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	most  int
	mu    sync.Mutex
	size  int
	at    map[K]*list.Element // of *kept
	order *list.List          // most recently used first
}

type kept[K comparable, V any] struct {
	key   K
	size  int
	value V
}

// NewMap makes a Map of up to most values, or of values that take up to most
// together (PutSized); the one used last stays, however much it takes.
func NewMap[K comparable, V any](most int) *Map[K, V] {
	return &Map[K, V]{most: most, at: map[K]*list.Element{}, order: list.New()}
}

// Len is how many values are kept.
func (m *Map[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.order.Len()
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

// Put keeps a value that counts as one, in the place of what the key had.
func (m *Map[K, V]) Put(key K, value V) { m.PutSized(key, 1, value) }

// PutSized keeps a value that takes size, in the place of what the key had.
func (m *Map[K, V]) PutSized(key K, size int, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.at[key]; e != nil {
		m.remove(e)
	}
	m.at[key] = m.order.PushFront(&kept[K, V]{key, size, value})
	m.size += size
	for m.size > m.most && m.order.Len() > 1 {
		m.remove(m.order.Back())
	}
}

// Remove forgets a key.
func (m *Map[K, V]) Remove(key K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.at[key]; e != nil {
		m.remove(e)
	}
}

func (m *Map[K, V]) remove(e *list.Element) {
	gone := m.order.Remove(e).(*kept[K, V])
	delete(m.at, gone.key)
	m.size -= gone.size
}
