package identity

import (
	"container/list"
	"sync"
)

// recent keeps the values used last, up to a number of them. It is safe for
// concurrent use.
type recent[K comparable, V any] struct {
	most  int
	mu    sync.Mutex
	at    map[K]*list.Element // of *kept
	order *list.List          // most recently used first
}

type kept[K comparable, V any] struct {
	key   K
	value V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, at: map[K]*list.Element{}, order: list.New()}
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.at[key]
	if e == nil {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*kept[K, V]).value, true
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.at[key]; e != nil {
		e.Value.(*kept[K, V]).value = value
		r.order.MoveToFront(e)
		return
	}
	r.at[key] = r.order.PushFront(&kept[K, V]{key, value})
	for len(r.at) > r.most {
		oldest := r.order.Back()
		r.order.Remove(oldest)
		delete(r.at, oldest.Value.(*kept[K, V]).key)
	}
}

func (r *recent[K, V]) remove(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.at[key]; e != nil {
		r.order.Remove(e)
		delete(r.at, key)
	}
}
