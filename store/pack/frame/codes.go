package frame

import "math/bits"

// code is a symbol for lengths from base on; bits more tell which.
type code struct {
	symbol uint8
	bits   uint8
	base   uint32
}

// lengthCodes finds the code of a length (RFC 8878 §3.1.1.3.2.1.1).
type lengthCodes struct {
	small []code // of lengths below len(small)
	// Above, a code has all lengths with the same highest bit: its symbol is
	// the number of that bit and this more.
	above uint8
}

// Codes of literal lengths, and of match lengths less 3.
var (
	literalCodes = newLengthCodes(64, 19, 16, 1, 1, 1, 1, 2, 2, 3, 3, 4)
	matchCodes   = newLengthCodes(128, 36, 32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5)
)

// newLengthCodes takes how many codes are a length each, and the bits of those
// after them.
func newLengthCodes(small int, above uint8, single int, widths ...uint8) *lengthCodes {
	c := &lengthCodes{above: above}
	for i := range single {
		c.small = append(c.small, code{uint8(i), 0, uint32(i)})
	}
	symbol := uint8(single)
	for _, width := range widths {
		base := uint32(len(c.small))
		for range 1 << width {
			if len(c.small) < small {
				c.small = append(c.small, code{symbol, width, base})
			}
		}
		symbol++
	}
	return c
}

func (c *lengthCodes) of(n uint32) code {
	if int(n) < len(c.small) {
		return c.small[n]
	}
	high := uint8(bits.Len32(n) - 1)
	return code{high + c.above, high, 1 << high}
}

// offsetCode is the symbol of an Offset_Value, and the number of its bits.
func offsetCode(value uint32) uint8 { return uint8(bits.Len32(value) - 1) }
