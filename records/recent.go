package records

import (
	"container/list"
	"sync"
)

// recent keeps what was used last. The zero value with a bound is empty and
// ready; it is safe for concurrent use.
type recent[K comparable, V any] struct {
	most int64 // how much the sizes of all may be; more only of a single one

	mu    sync.Mutex
	size  int64
	of    map[K]*list.Element
	order list.List // of *recentEntry[K, V], the most recently used in front
}

type recentEntry[K comparable, V any] struct {
	key   K
	size  int64
	value V
}

func (c *recent[K, V]) get(k K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.of[k]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*recentEntry[K, V]).value, true
}

// put keeps a value, in the place of a former one.
func (c *recent[K, V]) put(k K, size int64, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if former, ok := c.of[k]; ok {
		c.remove(former)
	}
	if c.of == nil {
		c.of = map[K]*list.Element{}
	}
	c.of[k] = c.order.PushFront(&recentEntry[K, V]{k, size, value})
	c.size += size
	for c.size > c.most && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

func (c *recent[K, V]) remove(e *list.Element) {
	gone := c.order.Remove(e).(*recentEntry[K, V])
	delete(c.of, gone.key)
	c.size -= gone.size
}
