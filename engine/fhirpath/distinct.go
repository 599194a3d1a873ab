package fhirpath

import (
	"hash/maphash"

	"github.com/cockroachdb/apd/v3"
)

// seed makes hashes of one process; they are never stored.
var seed = maphash.MakeSeed()

// hashFrom is the size from which on sets are looked up by hash.
const hashFrom = 24

// valueSet finds equal values. Small sets are searched, large ones hashed.
type valueSet struct {
	values []Value
	byHash map[uint64][]int
}

// add appends v unless an equal value is there.
func (x *valueSet) add(v Value) bool {
	if x.has(v) {
		return false
	}
	x.put(v)
	return true
}

// put appends v.
func (x *valueSet) put(v Value) {
	x.values = append(x.values, v)
	switch {
	case x.byHash != nil:
		h := hashOf(v)
		x.byHash[h] = append(x.byHash[h], len(x.values)-1)
	case len(x.values) == hashFrom:
		x.byHash = make(map[uint64][]int, 2*hashFrom)
		for i, v := range x.values {
			h := hashOf(v)
			x.byHash[h] = append(x.byHash[h], i)
		}
	}
}

func (x *valueSet) has(v Value) bool {
	if x.byHash == nil {
		return contains(x.values, v)
	}
	for _, i := range x.byHash[hashOf(v)] {
		if equal(x.values[i], v) == isTrue {
			return true
		}
	}
	return false
}

func contains(c []Value, v Value) bool {
	for _, w := range c {
		if equal(v, w) == isTrue {
			return true
		}
	}
	return false
}

// setOf makes a set of all of c.
func setOf(c []Value) *valueSet {
	x := &valueSet{values: make([]Value, 0, len(c))}
	for _, v := range c {
		x.put(v)
	}
	return x
}

// hashOf is the same for equal values.
func hashOf(v Value) uint64 {
	if text, ok := v.Text(); ok {
		return maphash.String(seed, text)
	}
	v = v.quantity()
	switch v.kind {
	case KindBoolean:
		return uint64(v.num)
	case KindInteger, KindLong, KindDecimal:
		d, _ := v.decimal()
		return hashDecimal(d, "1")
	case KindQuantity:
		return hashQuantity(v.data.(*Quantity))
	case KindDate, KindDateTime, KindTime:
		// Dates are equal only when they span the same time.
		lo, _ := v.data.(*Temporal).span()
		return maphash.Comparable(seed, lo)
	case KindNode:
		h := uint64(KindNode)
		for c := v.node.FirstChild(); !c.IsZero(); c = c.NextSibling() {
			// The order of elements does not count, so their hashes are added.
			h += maphash.String(seed, c.Name()) ^ hashOf(NodeValue(c))*31
		}
		return h
	}
	return uint64(v.kind)
}

func hashDecimal(d *apd.Decimal, unit string) uint64 {
	var r apd.Decimal
	r.Reduce(d)
	return maphash.String(seed, r.Text('e')+" "+unit)
}

// hashQuantity hashes canonical units. A year or month may equal one of UCUM
// and one of the calendar, so these are hashed in months.
func hashQuantity(q *Quantity) uint64 {
	switch q.unit {
	case "a", "year":
		var months apd.Decimal
		if _, err := exact.Mul(&months, q.value, apd.New(12, 0)); err != nil {
			return uint64(KindQuantity)
		}
		return hashDecimal(&months, "month")
	case "mo", "month":
		return hashDecimal(q.value, "month")
	}
	u, ok := q.definite(true)
	if !ok {
		return hashDecimal(q.value, q.system+q.unit)
	}
	v, err := u.Canonicalize(q.value)
	if err != nil {
		return hashDecimal(q.value, q.unit)
	}
	return hashDecimal(v, u.Canonical())
}
