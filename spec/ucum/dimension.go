package ucum

import (
	"slices"
	"strconv"
	"strings"
)

// baseCodes are UCUM's base units in the order of Unit.Dimension (UCUM §28).
var baseCodes = [7]string{"m", "s", "g", "rad", "K", "C", "cd"}

// sortedBase gives the indexes of baseCodes in the order of their codes.
var sortedBase = [7]int{5, 4, 6, 2, 0, 3, 1} // C K cd g m rad s

// dimension is a product of powers of base units and of arbitrary units.
type dimension struct {
	base      [7]int16
	arbitrary []power // sorted by code, no zero exponents; never changed in place
}

type power struct {
	code string
	exp  int16
}

const maxDimension = 1000 // keeps sums of exponents far from overflow

// times returns d · o^n and whether it stays within bounds.
func (d dimension) times(o dimension, n int) (dimension, bool) {
	for i := range d.base {
		e := int(d.base[i]) + int(o.base[i])*n
		if e > maxDimension || e < -maxDimension {
			return d, false
		}
		d.base[i] = int16(e)
	}
	if len(o.arbitrary) == 0 {
		return d, true
	}
	merged := slices.Clone(d.arbitrary)
	for _, p := range o.arbitrary {
		i, found := slices.BinarySearchFunc(merged, p, func(a, b power) int { return strings.Compare(a.code, b.code) })
		if !found {
			merged = slices.Insert(merged, i, power{code: p.code})
		}
		e := int(merged[i].exp) + int(p.exp)*n
		if e > maxDimension || e < -maxDimension {
			return d, false
		}
		merged[i].exp = int16(e)
		if e == 0 {
			merged = slices.Delete(merged, i, i+1)
		}
	}
	d.arbitrary = merged
	return d, true
}

func (d dimension) isNumber() bool { return d.base == [7]int16{} && len(d.arbitrary) == 0 }

// String is the canonical text: codes in byte order, arbitrary units among
// the base units.
func (d dimension) String() string {
	if d.isNumber() {
		return "1"
	}
	var b strings.Builder
	write := func(code string, exp int16) {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(code)
		if exp != 1 {
			b.WriteString(strconv.Itoa(int(exp)))
		}
	}
	rest := d.arbitrary
	for _, i := range sortedBase {
		for len(rest) > 0 && rest[0].code < baseCodes[i] {
			write(rest[0].code, rest[0].exp)
			rest = rest[1:]
		}
		if d.base[i] != 0 {
			write(baseCodes[i], d.base[i])
		}
	}
	for _, p := range rest {
		write(p.code, p.exp)
	}
	return b.String()
}
