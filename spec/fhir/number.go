package fhir

import (
	"fmt"
	"strconv"
)

// maxExponent bounds the exponent of a decimal, so that no short text makes a
// number of a million digits.
const maxExponent = 1000

func checkInteger(value string, low, high int64) string {
	if !isInteger(value) {
		return "is no integer: write digits without fraction, exponent or leading zeros"
	}
	v, err := strconv.ParseInt(value, 10, 64)
	if err != nil || v < low || v > high {
		return fmt.Sprintf("is out of range: it must be from %d to %d", low, high)
	}
	return ""
}

func checkInteger64(value string) string {
	if !isInteger(value) {
		return "is no integer64: write digits without fraction, exponent or leading zeros"
	}
	if _, err := strconv.ParseInt(value, 10, 64); err != nil {
		return "is out of range: it must fit in 64 bits"
	}
	return ""
}

func isInteger(s string) bool {
	digits := s
	if s != "" && s[0] == '-' {
		digits = s[1:]
	}
	return allDigits(digits) && (digits[0] != '0' || s == "0")
}

func checkDecimal(value string) string {
	n, exponent := scanNumber([]byte(value))
	if n == 0 || n != len(value) {
		return "is no decimal: write it as 12.50 or 1.25e1"
	}
	if exponent > 0 {
		e, err := strconv.Atoi(value[exponent:])
		if err != nil || e > maxExponent || e < -maxExponent {
			return fmt.Sprintf("is out of range: its exponent must be from -%d to %d", maxExponent, maxExponent)
		}
	}
	return ""
}

// scanNumber returns the length of the JSON number that b begins with, 0 when
// it begins with none, and where its exponent's sign or digits start, 0 when
// it has none.
func scanNumber(b []byte) (n, exponent int) {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(b) && b[i]-'0' < 10 {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return 0, 0
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return 0, 0
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		exponent = i
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return 0, 0
		}
	}
	return i, exponent
}
