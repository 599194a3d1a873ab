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
//
// Of the many kinds that there may be only what the last ones ask is held: it is long
// where policies name times.
type Decisions struct {
	Made Made

	make func(kind int) Expr // called for one kind after the other, or again
	mu   sync.RWMutex
	asks []Asks // of the kinds that somebody has asked for, and those before
	held [heldKinds]heldKind

	asked []Param // by the first known of them
	known int
}

// heldKind is what a kind asks, at its number modulo heldKinds.
type heldKind struct {
	kind int
	x    Expr // nil: nothing is held
}

const heldKinds = 128

// Asks is how much a kind of policies asks.
type Asks uint8

// What a kind asks: something that depends on the resource, nothing, or more than any has.
const (
	Something Asks = iota
	Always
	Never
)

// NewDecisions makes Decisions of what make makes of each kind, which is always the same.
func NewDecisions(make func(kind int) Expr) *Decisions { return &Decisions{make: make} }

// Of is what policies of a kind ask.
func (d *Decisions) Of(kind int) Expr {
	d.mu.RLock()
	held := d.held[kind%heldKinds]
	d.mu.RUnlock()
	if held.x != nil && held.kind == kind {
		return held.x
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.asks) < kind {
		d.add(len(d.asks))
	}
	return d.add(kind)
}

// Asks is how much policies of a kind ask.
func (d *Decisions) Asks(kind int) Asks {
	d.mu.RLock()
	asks := d.asks
	d.mu.RUnlock()
	if kind < len(asks) {
		return asks[kind]
	}
	return asksOf(d.Of(kind))
}

// add makes what a kind asks, none before which is unknown. d.mu is held.
func (d *Decisions) add(kind int) Expr {
	x := d.make(kind)
	d.held[kind%heldKinds] = heldKind{kind, x}
	if kind == len(d.asks) {
		d.asks = append(d.asks, asksOf(x))
	}
	return x
}

func asksOf(x Expr) Asks {
	switch x := x.(type) {
	case And:
		if len(x) == 0 {
			return Always
		}
	case Or:
		if len(x) == 0 {
			return Never
		}
	}
	return Something
}

// params are those by which policies ask of the kinds that somebody has asked for.
func (d *Decisions) params() []Param {
	d.mu.RLock()
	asked, known, kinds := d.asked, d.known, len(d.asks)
	d.mu.RUnlock()
	if known == kinds {
		return asked
	}
	var since Or
	for kind := known; kind < kinds; kind++ {
		since = append(since, d.Of(kind))
	}
	asked = slices.Clone(asked)
	for _, p := range ParamsOf(since) {
		if !slices.Contains(asked, p) {
			asked = append(asked, p)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known < kinds {
		d.asked, d.known = asked, kinds
	}
	return asked
}
