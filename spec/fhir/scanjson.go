package fhir

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
)

// plain returns the first index from i on whose byte is a quote, a backslash,
// a control character or not ASCII; len(src) when there is none.
func plain(src []byte, i int) int {
	for i+8 <= len(src) {
		w := binary.LittleEndian.Uint64(src[i:])
		quote := w ^ everyByte*'"'
		slash := w ^ everyByte*'\\'
		// The lowest bit set is exact; borrows disturb only what lies above it.
		m := ((w-everyByte*' ')&^w | (quote-everyByte)&^quote | (slash-everyByte)&^slash | w) & highBits
		if m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(src) && src[i] >= ' ' && src[i] != '"' && src[i] != '\\' && src[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// scanString reads the JSON string whose opening quote is at src[i]. end is
// the index of the closing quote; wrong says what is no JSON at index end.
func scanString(src []byte, i int) (end int, escaped bool, wrong string) {
	from := i + 1
	wide := false
	for i = plain(src, from); i < len(src); i = plain(src, i) {
		switch c := src[i]; {
		case c == '"':
			if wide && !utf8.Valid(src[from:i]) {
				return from + firstInvalid(src[from:i]), escaped, "is no UTF-8"
			}
			return i, escaped, ""
		case c == '\\':
			escaped = true
			n := escapeLength(src[i:])
			if n <= 0 {
				if n < 0 {
					return i, escaped, "is half a surrogate pair, which is no character"
				}
				return i, escaped, "is no escape of JSON"
			}
			i += n
		case c < ' ':
			return i, escaped, "is a control character, which must be escaped in a string"
		default:
			wide = true
			for i < len(src) && src[i] >= utf8.RuneSelf {
				i++
			}
		}
	}
	return len(src), escaped, "the string does not end"
}

// escapeLength is the length of the escape that b begins with, a surrogate
// pair counted as one; 0 when it is none, -1 for a lone surrogate.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hex4(b[2:])
		if r < 0 {
			return 0
		}
		if !utf16.IsSurrogate(r) {
			return 6
		}
		if len(b) >= 12 && b[6] == '\\' && b[7] == 'u' && utf16.DecodeRune(r, hex4(b[8:])) != utf8.RuneError {
			return 12
		}
		return -1
	}
	return 0
}

func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}
