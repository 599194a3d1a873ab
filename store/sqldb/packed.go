package sqldb

import (
	"math"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// packed tells Choices to a database without functions as bytes that it need not parse:
// for each number from lo to hi a slot, the place of a record, 0 for none; the
// records, each the number of a condition and a field for each value that
// differs among the policies of that; and texts.
type packed struct {
	by      *decided // which has the conditions
	changes int      // of these, when it was made
	of      int      // policies
	bytes   []byte
	slot    int // bytes of a slot
	lo, hi  int64
	fields  map[fieldKey]field
}

// fieldKey is a place in a condition.
type fieldKey struct {
	condition int64
	place     int
}

// field is how records have a value: of a text where that begins and how long it is; of a
// whole number how many steps it is above the least of all, or itself.
type field struct {
	at, size    int
	least, step int64 // step 0: itself
}

// maxPacked bounds the bytes that go to the database with each query.
const maxPacked = 256 << 10

// Sizes in bytes.
const (
	fewSlot, slotSize = 2, 3 // of a slot in few bytes, and in many
	headSize          = 2
	placeSize         = 3 // of where a text begins
	lengthSize        = 2 // of how long it is
	wholeSize         = 8
)

// maxPlace is what two bytes hold.
const maxPlace = math.MaxUint16

// packedKey is what packed depends on besides the policies and their kinds.
type packedKey struct {
	of    *search.Decisions
	by    decidedKey
	after int64
}

// packedOf is what is packed of choices; nil when that is too much. t.mu is held.
func (t *decided) packedOf(x search.Governed, by decidedKey, choices *Choices) *packed {
	key := packedKey{x.Each, by, x.After}
	p, ok := x.Kinds.Made.Get(key).(*packed)
	if !ok || p.by != t || p.changes != t.changes || p.of != len(choices.numbers) {
		p = t.pack(choices, x.After)
		x.Kinds.Made.Put(key, p)
	}
	if p.bytes == nil {
		return nil
	}
	return p
}

// from joins to row g of governed what is packed of its policy: the bytes b, where its
// record begins in them, from 0, and which condition counts.
func (p *packed) from(g, d string) fragment {
	slot := wholeOf("y.b", "(("+g+".policy - y.lo) * "+strconv.Itoa(p.slot)+")::int", p.slot)
	return sql(" CROSS JOIN LATERAL (SELECT z.b, z.p, "+wholeOf("z.b", "z.p", headSize)+" AS of FROM (SELECT y.b, CASE WHEN "+g+
		".policy BETWEEN y.lo AND y.hi THEN nullif("+slot+", 0) END AS p"+
		" FROM (SELECT ?::bytea AS b, ?::bigint AS lo, ?::bigint AS hi OFFSET 0) y OFFSET 0) z OFFSET 0) "+d, p.bytes, p.lo, p.hi)
}

// wholeOf is so many bytes of b from at on.
func wholeOf(b, at string, size int) string {
	parts := make([]string, size)
	for i := range parts {
		parts[i] = "get_byte(" + b + ", " + at + " + " + strconv.Itoa(i) + ")"
		if shift := 8 * (size - 1 - i); shift > 0 {
			parts[i] += " * " + strconv.Itoa(1<<shift)
		}
	}
	return "(" + strings.Join(parts, " + ") + ")"
}

// inBytes looks into what row d has of the policy.
type inBytes struct {
	d string
	p *packed
}

func (b inBytes) condition() fragment { return sql(b.d + ".of") }

func (b inBytes) value(s *shared, place int, isText bool) fragment {
	f := b.p.fields[fieldKey{s.number, place}]
	from := func(at int) string { return b.d + ".p + " + strconv.Itoa(f.at+at) }
	switch {
	case isText:
		return sql("convert_from(substring(" + b.d + ".b FROM " + wholeOf(b.d+".b", from(0), placeSize) + " + 1 FOR " + wholeOf(b.d+".b", from(placeSize), lengthSize) + "), 'UTF8')")
	case f.step == 0:
		parts := make([]string, wholeSize)
		for i := range parts {
			parts[i] = "(get_byte(" + b.d + ".b, " + from(i) + ")::bigint << " + strconv.Itoa(8*(wholeSize-1-i)) + ")"
		}
		return sql("(" + strings.Join(parts, " | ") + ")")
	}
	return sql("(?::bigint + ?::bigint * "+wholeOf(b.d+".b", from(0), f.size)+")", f.least, f.step)
}
