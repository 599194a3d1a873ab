package search

import "sync"

// Standing holds when X does. Many queries ask it, each at a time of its own, and
// what a store makes of X is kept with it in the meantime. It is asked of each
// resource: a search never starts from it.
type Standing struct {
	X  Expr  // whose Governed nodes have no time
	At int64 // is theirs: microseconds since the Unix epoch
	// Owner is the id of the Patient to whom the resource refers by By; "" if the
	// query does not say that.
	Owner string
	By    Param
	Made  *Made
}

func (Standing) expr() {}

// now is X at its time.
func (x Standing) now() Expr { return At(x.X, x.At) }

// maxMade bounds what is kept with one expression: a store needs a few.
const maxMade = 64

// Made is what was made of an expression, by keys of those who made it. It is safe
// for concurrent use.
type Made struct {
	mu sync.RWMutex
	by map[any]any
}

// Get returns what was put under key, nil when that is nothing.
func (m *Made) Get(key any) any {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.by[key]
}

// Put keeps made, which is not to change any more, until something else is put under key.
func (m *Made) Put(key, made any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil || len(m.by) >= maxMade {
		m.by = map[any]any{}
	}
	m.by[key] = made
}
