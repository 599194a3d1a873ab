package fhirpath

import (
	"strings"
	"unicode"

	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/fhir"
)

// equalAll is a = b over collections. FHIRPath §6.1.1.
func equalAll(a, b []Value) truth {
	if len(a) == 0 || len(b) == 0 {
		return unknown
	}
	if len(a) != len(b) {
		return isFalse
	}
	result := isTrue
	for i := range a {
		switch equal(a[i], b[i]) {
		case isFalse:
			return isFalse
		case unknown:
			result = unknown
		}
	}
	return result
}

// equal compares two items; unknown means that their precision leaves it
// open.
func equal(a, b Value) truth {
	if a.kind == KindNode && b.kind == KindNode && a.node == b.node {
		return isTrue
	}
	// Strings first: most comparisons are of codes and urls.
	if at, ok := a.Text(); ok {
		bt, ok := b.Text()
		return truthOf(ok && at == bt)
	}
	a, b = a.quantity(), b.quantity()
	if a.kind == KindNode && b.kind == KindNode {
		return equalNodes(a.node, b.node, false)
	}
	return equalSystem(a, b)
}

func isNumber(k Kind) bool { return k == KindInteger || k == KindLong || k == KindDecimal }

func isTemporal(k Kind) bool { return k == KindDate || k == KindDateTime || k == KindTime }

// asQuantity converts a number to a quantity of unit 1.
func asQuantity(v Value) (*Quantity, bool) {
	if q, ok := v.data.(*Quantity); ok {
		return q, true
	}
	d, ok := v.decimal()
	return &Quantity{value: d, unit: "1"}, ok
}

// equalSystem compares values that are already of System types.
func equalSystem(a, b Value) truth {
	switch {
	case a.kind == KindQuantity || b.kind == KindQuantity:
		qa, aok := asQuantity(a)
		qb, bok := asQuantity(b)
		if !aok || !bok {
			return isFalse
		}
		order, ok := compareQuantity(qa, qb, false)
		if ok {
			return truthOf(order == 0)
		}
		if qa.calendar != qb.calendar {
			if _, loose := compareQuantity(qa, qb, true); loose {
				return unknown
			}
		}
		return incomparable(qa, qb)
	case isNumber(a.kind) && isNumber(b.kind):
		if a.kind != KindDecimal && b.kind != KindDecimal {
			return truthOf(a.num == b.num)
		}
		da, _ := a.decimal()
		db, _ := b.decimal()
		return truthOf(da.Cmp(db) == 0)
	case isTemporal(a.kind) && isTemporal(b.kind):
		if (a.kind == KindTime) != (b.kind == KindTime) {
			return isFalse
		}
		order, ok := compareTemporal(a.data.(*Temporal), b.data.(*Temporal))
		if !ok {
			return unknown
		}
		return truthOf(order == 0)
	case a.kind != b.kind:
		return isFalse
	case a.kind == KindBoolean:
		return truthOf(a.num == b.num)
	case a.kind == KindString:
		return truthOf(a.data.(string) == b.data.(string))
	case a.kind == KindType:
		return truthOf(*a.data.(*typeInfo) == *b.data.(*typeInfo))
	}
	return truthOf(a.data == b.data)
}

// incomparable is the equality of quantities of different dimensions: empty,
// as FHIRPath §6.1.1 has it; false when their units are of different code
// systems.
func incomparable(a, b *Quantity) truth {
	if a.system != b.system {
		return isFalse
	}
	return unknown
}

// equalNodes compares elements with all that is in them. The order of values
// of one element counts, that of different elements does not; with loosely it
// is equivalence.
func equalNodes(a, b fhir.Node, loosely bool) truth {
	if a == b {
		return isTrue
	}
	if a.HasValue() != b.HasValue() {
		return isFalse
	}
	result := isTrue
	if a.HasValue() && a.Text() != b.Text() {
		if !loosely && primitiveKind(a.Type()) == KindString {
			return isFalse
		}
		va, vb := NodeValue(a).system(), NodeValue(b).system()
		if loosely {
			result = truthOf(equivalentSystem(va, vb))
		} else {
			result = equalSystem(va, vb)
		}
		if result == isFalse {
			return isFalse
		}
	}
	count := 0
	// Elements mostly come in the same order on both sides.
	twin := b.FirstChild()
	for ca := a.FirstChild(); !ca.IsZero(); ca = ca.NextSibling() {
		count++
		var t truth
		if loosely {
			t = equivalentChild(ca, b)
		} else {
			if twin.Name() != ca.Name() {
				twin = twinOf(a, ca, b)
			}
			if twin.IsZero() {
				return isFalse
			}
			t = equalNodes(ca, twin, false)
			twin = twin.NextSibling()
		}
		switch t {
		case isFalse:
			return isFalse
		case unknown:
			result = unknown
		}
	}
	for cb := b.FirstChild(); !cb.IsZero(); cb = cb.NextSibling() {
		count--
	}
	if count != 0 {
		return isFalse
	}
	return result
}

// twinOf is the child of b that has the name and position of child ca of a.
func twinOf(a, ca, b fhir.Node) fhir.Node {
	name, at := ca.Name(), 0
	for c := a.FirstChild(); c != ca; c = c.NextSibling() {
		if c.Name() == name {
			at++
		}
	}
	for cb := b.FirstChild(); !cb.IsZero(); cb = cb.NextSibling() {
		if cb.Name() != name {
			continue
		}
		if at == 0 {
			return cb
		}
		at--
	}
	return fhir.Node{}
}

// weight is how many steps it takes to look at all of c.
func weight(c []Value) int {
	n := len(c)
	for _, v := range c {
		if v.kind != KindNode {
			if text, ok := v.data.(string); ok {
				n += len(text) >> 10
			}
			continue
		}
		n += len(v.node.Text()) >> 10
		if v.node.FirstChild().IsZero() {
			continue
		}
		for d := range v.node.Descendants() {
			n += 1 + len(d.Text())>>10
		}
	}
	return min(n, 1<<30)
}

// weighed counts the steps of looking at all of the collections.
func (e *evaluation) weighed(collections ...[]Value) error {
	n := 0
	for _, c := range collections {
		n += weight(c)
	}
	return e.step(n)
}

func equivalentChild(ca, b fhir.Node) truth {
	name := ca.Name()
	for cb := b.FirstChild(); !cb.IsZero(); cb = cb.NextSibling() {
		if cb.Name() == name && equalNodes(ca, cb, true) == isTrue {
			return isTrue
		}
	}
	return isFalse
}

// equivalentAll is a ~ b over collections: order does not matter.
// FHIRPath §6.1.2.
func equivalentAll(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 1 {
		return equivalent(a[0], b[0])
	}
	used := make([]bool, len(b))
next:
	for _, v := range a {
		for j, w := range b {
			if !used[j] && equivalent(v, w) {
				used[j] = true
				continue next
			}
		}
		return false
	}
	return true
}

func equivalent(a, b Value) bool {
	a, b = a.quantity(), b.quantity()
	if a.kind == KindNode && b.kind == KindNode {
		return equalNodes(a.node, b.node, true) == isTrue
	}
	return equivalentSystem(a, b)
}

func equivalentSystem(a, b Value) bool {
	switch {
	case a.kind == KindString && b.kind == KindString:
		return loosened(a.data.(string)) == loosened(b.data.(string))
	case isNumber(a.kind) && isNumber(b.kind):
		da, _ := a.decimal()
		db, _ := b.decimal()
		return equivalentDecimal(da, db)
	case a.kind == KindQuantity || b.kind == KindQuantity:
		qa, aok := asQuantity(a)
		qb, bok := asQuantity(b)
		return aok && bok && equivalentQuantity(qa, qb)
	case isTemporal(a.kind) && isTemporal(b.kind) && (a.kind == KindTime) == (b.kind == KindTime):
		return equivalentTemporal(a.data.(*Temporal), b.data.(*Temporal))
	}
	return equalSystem(a, b) == isTrue
}

// equivalentDecimal rounds both to the precision of the less precise one,
// trailing zeros not counted.
func equivalentDecimal(a, b *apd.Decimal) bool {
	var ra, rb apd.Decimal
	ra.Reduce(a)
	rb.Reduce(b)
	places := min(scale(&ra), scale(&rb))
	qa, aok := quantized(a, places)
	qb, bok := quantized(b, places)
	return aok && bok && qa.Cmp(qb) == 0
}

// loosened is a string for ~: in lower case, every white space character a
// space.
func loosened(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return unicode.ToLower(r)
	}, s)
}
