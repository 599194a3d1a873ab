package search

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// ParseNumber reads a decimal as the interval that its written precision
// stands for: 100 is [99.5,100.5), 100.00 is [99.995,100.005) (§3.1.1.4.6).
// The second result is false when s is not a decimal or does not fit.
func ParseNumber(s string) (NumberRange, bool) {
	mantissa, exponent, ok := decimalParts(s)
	if !ok {
		return NumberRange{}, false
	}
	value, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return NumberRange{}, false
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	scale := exponent - len(fraction) - 1
	coefficient, ok := new(big.Int).SetString(whole+fraction+"0", 10)
	if !ok {
		return NumberRange{}, false
	}
	half := big.NewInt(5)
	if oneDigitWithExponent(s, mantissa) {
		coefficient.Mul(coefficient, big.NewInt(10))
		scale--
	}
	lo, err := strconv.ParseFloat(new(big.Int).Sub(coefficient, half).String()+"e"+strconv.Itoa(scale), 64)
	if err != nil {
		return NumberRange{}, false
	}
	hi, err := strconv.ParseFloat(new(big.Int).Add(coefficient, half).String()+"e"+strconv.Itoa(scale), 64)
	if err != nil {
		return NumberRange{}, false
	}
	return NumberRange{Value: value, Lo: lo, Hi: hi}, true
}

// oneDigitWithExponent is the form 1e2, of which the specification says
// (§3.1.1.4.6) that it means [95,105), one digit finer than its writing.
func oneDigitWithExponent(s, mantissa string) bool {
	return len(strings.TrimPrefix(mantissa, "-")) == 1 && strings.ContainsAny(s, "eE")
}

// decimalParts checks the form of a decimal: an optional sign, digits, an
// optional fraction, an optional exponent.
func decimalParts(s string) (mantissa string, exponent int, ok bool) {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	start := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == start {
		return "", 0, false
	}
	if i < len(s) && s[i] == '.' {
		i++
		start = i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		if i == start {
			return "", 0, false
		}
	}
	mantissa = strings.TrimPrefix(s[:i], "+")
	if i == len(s) {
		return mantissa, 0, true
	}
	if s[i] != 'e' && s[i] != 'E' {
		return "", 0, false
	}
	exponent, err := strconv.Atoi(s[i+1:])
	return mantissa, exponent, err == nil && exponent > -1000 && exponent < 1000
}

// widen gives the range that prefix ap asks for: a tenth of the value to both
// sides (§3.1.1.4.5), at least the written precision.
func (r NumberRange) widen() NumberRange {
	tenth := math.Abs(r.Value) / 10
	r.Lo = math.Min(r.Lo, r.Value-tenth)
	r.Hi = math.Max(r.Hi, math.Nextafter(r.Value+tenth, math.Inf(1)))
	return r
}
