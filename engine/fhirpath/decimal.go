package fhirpath

import (
	"math"

	"github.com/cockroachdb/apd/v3"
)

// Bounds that keep arithmetic on hostile numbers cheap. 100 digits are exact
// for every sum and product of numbers that anyone measures.
const (
	maxDigits   = 100
	maxExponent = 400
	// wholeDigits are enough for every number in range with all its places.
	wholeDigits = maxExponent + 3*maxDigits
)

// exact computes sums and products; quotient computes what has no exact
// decimal, in 34 digits like IEEE 754 decimal128.
var (
	exact    = apd.Context{Precision: maxDigits, MaxExponent: 100000, MinExponent: -100000, Rounding: apd.RoundHalfUp}
	quotient = apd.Context{Precision: 34, MaxExponent: 100000, MinExponent: -100000, Rounding: apd.RoundHalfUp}
)

// parseDecimal reads a number of JSON's or FHIRPath's grammar, keeping its
// scale.
func parseDecimal(s string) (*apd.Decimal, bool) {
	if s == "" || len(s) > 2*maxDigits {
		return nil, false
	}
	digits := false
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			digits = true
		case c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-':
		default:
			return nil, false
		}
	}
	if !digits {
		return nil, false
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite || !inRange(d) {
		return nil, false
	}
	return d, true
}

func inRange(d *apd.Decimal) bool {
	return d.Form == apd.Finite && d.Exponent <= maxExponent && d.Exponent >= -maxExponent && d.NumDigits() <= 2*maxDigits
}

// decimal returns a number value as a decimal.
func (v Value) decimal() (*apd.Decimal, bool) {
	switch v.kind {
	case KindInteger, KindLong:
		return apd.New(v.num, 0), true
	case KindDecimal:
		return v.data.(*apd.Decimal), true
	}
	return nil, false
}

// formatDecimal writes d without an exponent.
func formatDecimal(d *apd.Decimal) string {
	if d.IsZero() && d.Exponent > 0 {
		return "0"
	}
	return d.Text('f')
}

// scale is the number of digits after the decimal point.
func scale(d *apd.Decimal) int32 { return max(0, -d.Exponent) }

// quantized rounds d half up to places digits after the point.
func quantized(d *apd.Decimal, places int32) (*apd.Decimal, bool) {
	r := new(apd.Decimal)
	wide := exact
	wide.Precision = wholeDigits
	if _, err := wide.Quantize(r, d, -places); err != nil || r.Form != apd.Finite {
		return nil, false
	}
	return r, true
}

// integerOf returns d as an int64 when it is a whole number in range.
func integerOf(d *apd.Decimal) (int64, bool) {
	r := new(apd.Decimal)
	r.Reduce(d)
	i, err := r.Int64()
	return i, err == nil
}

// fitsInteger says whether i is in the range of System.Integer.
func fitsInteger(i int64) bool { return i >= math.MinInt32 && i <= math.MaxInt32 }
