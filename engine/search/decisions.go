package search

import (
	"slices"
	"sync"
)

// Kinds says for one asker of which kind each policy is, by its number. It grows; what a
// store makes of it is kept with it. It is safe for concurrent use.
type Kinds struct {
	Made Made

	mu      sync.RWMutex
	numbers []int64 // in rising order
	kinds   []int32
}

// Add adds a policy, whose number is greater than all before.
func (k *Kinds) Add(number int64, kind int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.numbers, k.kinds = append(k.numbers, number), append(k.kinds, int32(kind))
}

// All are the numbers and the kinds now; they are not to be changed.
func (k *Kinds) All() (numbers []int64, kinds []int32) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.numbers, k.kinds
}

// Of is the kind of a policy, false if it has none.
func (k *Kinds) Of(number int64) (int, bool) {
	numbers, kinds := k.All()
	i, ok := slices.BinarySearch(numbers, number)
	if !ok {
		return 0, false
	}
	return int(kinds[i]), true
}

// Decisions are what policies of each kind ask of a resource. What a store makes of
// them is kept with them. They are safe for concurrent use.
type Decisions struct {
	Made Made

	make func(kind int) Expr
	mu   sync.RWMutex
	of   []Expr

	asked []Param // by the first known of them
	known int
}

// NewDecisions makes Decisions of what make makes of each kind, once.
func NewDecisions(make func(kind int) Expr) *Decisions { return &Decisions{make: make} }

// Of is what policies of a kind ask.
func (d *Decisions) Of(kind int) Expr {
	d.mu.RLock()
	if kind < len(d.of) {
		defer d.mu.RUnlock()
		return d.of[kind]
	}
	d.mu.RUnlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.of) <= kind {
		d.of = append(d.of, d.make(len(d.of)))
	}
	return d.of[kind]
}

// params are those by which policies ask of the kinds that somebody has asked for.
func (d *Decisions) params() []Param {
	d.mu.RLock()
	of, asked, known := d.of, d.asked, d.known
	d.mu.RUnlock()
	if known == len(of) {
		return asked
	}
	asked = ParamsOf(Or(of))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known < len(of) {
		d.asked, d.known = asked, len(of)
	}
	return asked
}
