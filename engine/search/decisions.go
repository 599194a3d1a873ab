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

	make func(kind int) (x Expr, again bool) // called for one kind after the other, or again
	mu   sync.RWMutex
	of   []Expr // nil of those that are made again
	asks []Asks
	held [heldKinds]heldKind

	asked []Param // by the first known of them
	known int
}

// heldKind is what a kind asks that is made again, at its number modulo heldKinds.
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

// NewDecisions makes Decisions of what make makes of each kind, once.
func NewDecisions(make func(kind int) Expr) *Decisions {
	return RemadeDecisions(func(kind int) (Expr, bool) { return make(kind), false })
}

// RemadeDecisions makes Decisions of what make makes of each kind, which is always the same.
// What it may be asked for again, since it is long and soon made, is held for the last kinds alone.
func RemadeDecisions(make func(kind int) (x Expr, again bool)) *Decisions {
	return &Decisions{make: make}
}

// Of is what policies of a kind ask.
func (d *Decisions) Of(kind int) Expr {
	d.mu.RLock()
	x := d.there(kind)
	d.mu.RUnlock()
	if x != nil {
		return x
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.of) < kind {
		d.add(len(d.of))
	}
	if x := d.there(kind); x != nil {
		return x
	}
	return d.add(kind)
}

// there is what a kind asks, nil when it is to be made. d.mu is held.
func (d *Decisions) there(kind int) Expr {
	if kind < len(d.of) && d.of[kind] != nil {
		return d.of[kind]
	}
	if held := d.held[kind%heldKinds]; held.kind == kind {
		return held.x
	}
	return nil
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
	x, again := d.make(kind)
	if kind == len(d.of) {
		d.of, d.asks = append(d.of, nil), append(d.asks, asksOf(x))
	}
	if again {
		d.held[kind%heldKinds] = heldKind{kind, x}
	} else {
		d.of[kind] = x
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
