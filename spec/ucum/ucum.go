// Package ucum reads units of the Unified Code for Units of Measure
// (https://ucum.org/ucum): it parses them, reduces them to base units,
// converts and compares quantities. Codes are case sensitive (the "c/s"
// variant, which is the one that FHIR's http://unitsofmeasure.org means).
//
// Factors are exact rationals and values are decimals, so 6.30 mm is 0.00630 m
// and nothing else. Only the logarithmic units, and the tangent of prism
// diopters and slopes, give rounded results: 34 digits for the logarithms,
// 15 for the tangent.
//
// Everything here is immutable and safe for concurrent use.
package ucum

import (
	"github.com/cockroachdb/apd/v3"
)

//go:generate go run ./generate

// Bounds on what is read.
const (
	MaxLength   = 256  // bytes of a unit
	MaxNesting  = 16   // parentheses within parentheses
	MaxExponent = 400  // of one unit
	maxBits     = 4096 // of a factor's numerator or denominator
)

// Unit is a parsed unit. The zero Unit is unity, "1".
type Unit struct{ u *unit }

type unit struct {
	text      string
	canonical string
	dim       dimension
	scale     ratio     // of the base units; for a special unit, of the unit that its function gives
	special   *function // nil on a ratio scale
	before    ratio     // special units: factor that a value takes before the function is inverted
}

var unity = &unit{text: "1", canonical: "1", scale: one, before: one}

func (u Unit) get() *unit {
	if u.u == nil {
		return unity
	}
	return u.u
}

// Parse reads a unit such as "mg/dL", "10*3/uL", "kg.m2.s-2" or "{score}". The
// empty text is unity. The error is a *SyntaxError.
func Parse(text string) (Unit, error) {
	x, err := parse(text)
	if err != nil {
		return Unit{}, err
	}
	v, err := x.evaluate(text)
	if err != nil {
		return Unit{}, err
	}
	return Unit{v.unit(text)}, nil
}

// String is the unit as it was written.
func (u Unit) String() string { return u.get().text }

// Canonical is the same dimension in base units, sorted by code: "g.m-3" for
// "mg/dL". Units are comparable if, and only if, their canonical texts are
// equal. Arbitrary units ("[iU]") stand beside the base units, as they convert
// into nothing else. Pure numbers give "1".
func (u Unit) Canonical() string { return u.get().canonical }

// Dimension gives the exponents of the seven base units m, s, g, rad, K, C, cd
// in that order.
func (u Unit) Dimension() [7]int {
	var d [7]int
	for i, e := range u.get().dim.base {
		d[i] = int(e)
	}
	return d
}

// Special says whether the unit is not on a ratio scale (Cel, [pH], dB): it
// cannot be multiplied or divided by other units.
func (u Unit) Special() bool { return u.get().special != nil }

// Decreasing says whether greater values in this unit are smaller ones in
// canonical units, as for [pH].
func (u Unit) Decreasing() bool { return u.get().special != nil && u.get().special.decreasing }

// Comparable says whether values in u and o can be converted into each other.
func (u Unit) Comparable(o Unit) bool { return u.get().canonical == o.get().canonical }

// Canonicalize converts value into the unit's canonical units. The error says
// that value is outside of what the unit or this package can express.
func (u Unit) Canonicalize(value *apd.Decimal) (*apd.Decimal, error) {
	return u.get().toBase(value)
}

// Convert converts value from this unit into another. It fails when the two
// are not comparable.
func (u Unit) Convert(value *apd.Decimal, to Unit) (*apd.Decimal, error) {
	from, into := u.get(), to.get()
	if from.canonical != into.canonical {
		return nil, &DimensionError{From: u, To: to}
	}
	if from.special == nil && into.special == nil {
		return from.scale.over(into.scale).times(value)
	}
	base, err := from.toBase(value)
	if err != nil {
		return nil, err
	}
	return into.fromBase(base)
}

// Compare compares two quantities: -1, 0 or 1. It fails when their units are
// not comparable.
func Compare(value1 *apd.Decimal, unit1 Unit, value2 *apd.Decimal, unit2 Unit) (int, error) {
	if !unit1.Comparable(unit2) {
		return 0, &DimensionError{From: unit1, To: unit2}
	}
	a, err := unit1.Canonicalize(value1)
	if err != nil {
		return 0, err
	}
	b, err := unit2.Canonicalize(value2)
	if err != nil {
		return 0, err
	}
	return a.Cmp(b), nil
}

// Multiply multiplies two quantities; the result is in canonical units.
// Special units are refused.
func Multiply(value1 *apd.Decimal, unit1 Unit, value2 *apd.Decimal, unit2 Unit) (*apd.Decimal, Unit, error) {
	return combine(value1, unit1, value2, unit2, false)
}

// Divide divides the first quantity by the second; the result is in canonical
// units. Special units and a second value of zero are refused.
func Divide(value1 *apd.Decimal, unit1 Unit, value2 *apd.Decimal, unit2 Unit) (*apd.Decimal, Unit, error) {
	return combine(value1, unit1, value2, unit2, true)
}

func combine(value1 *apd.Decimal, unit1 Unit, value2 *apd.Decimal, unit2 Unit, divide bool) (*apd.Decimal, Unit, error) {
	for _, u := range []Unit{unit1, unit2} {
		if u.Special() {
			return nil, Unit{}, &ScaleError{Unit: u}
		}
	}
	a, b := unit1.get(), unit2.get()
	product := value{dim: a.dim, scale: a.scale}
	if err := product.multiply(value{dim: b.dim, scale: b.scale}, divide, 1); err != nil {
		return nil, Unit{}, err
	}
	v, err := multiplyDecimals(value1, value2, divide)
	if err != nil {
		return nil, Unit{}, err
	}
	if v, err = product.scale.times(v); err != nil {
		return nil, Unit{}, err
	}
	product.scale = one
	text := product.dim.String()
	return v, Unit{product.unit(text)}, nil
}

// Canonical parses unit and converts value into canonical units, whose text it
// also returns: 5 "mg/dL" is 50 "g.m-3".
func Canonical(value *apd.Decimal, unit string) (*apd.Decimal, string, error) {
	u, err := Parse(unit)
	if err != nil {
		return nil, "", err
	}
	v, err := u.Canonicalize(value)
	if err != nil {
		return nil, "", err
	}
	return v, u.Canonical(), nil
}

// Convert parses both units and converts value from one into the other.
func Convert(value *apd.Decimal, from, to string) (*apd.Decimal, error) {
	f, err := Parse(from)
	if err != nil {
		return nil, err
	}
	t, err := Parse(to)
	if err != nil {
		return nil, err
	}
	return f.Convert(value, t)
}

// Comparable says whether both are units and values in the one can be
// converted into the other.
func Comparable(unit1, unit2 string) bool {
	a, err := Parse(unit1)
	if err != nil {
		return false
	}
	b, err := Parse(unit2)
	return err == nil && a.Comparable(b)
}
