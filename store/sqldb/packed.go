package sqldb

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// packed tells Choices to a database without functions as bytes that it need not parse:
// for each number from lo to hi the place of a record, in three bytes, 0 for none; the
// records, each the number of a condition in two bytes and eight for each value that
// differs among the policies of that; and texts. A value is a whole number, or where its
// text begins after its record, and how long it is, in four bytes each.
type packed struct {
	of      int // policies
	changes int // of the conditions that it was made by
	bytes   []byte
	lo, hi  int64
}

// maxPacked bounds the bytes that go to the database with each query.
const maxPacked = 256 << 10

const (
	slotSize     = 3
	headSize     = 2
	valueSize    = 8
	maxOffset    = 1<<(8*slotSize) - 1
	maxCondition = math.MaxUint16
)

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
	if !ok || p.of != len(choices.numbers) || p.changes != t.changes {
		p = t.pack(choices, x.After)
		x.Kinds.Made.Put(key, p)
	}
	if p.bytes == nil {
		return nil
	}
	return p
}

// pack packs choices. Policies up to after that come to nothing need no record.
func (t *decided) pack(choices *Choices, after int64) *packed {
	p := &packed{of: len(choices.numbers), changes: t.changes, bytes: []byte{}, hi: -1}
	if p.of == 0 {
		return p
	}
	lo, hi := choices.numbers[0], choices.numbers[p.of-1]
	if hi-lo >= maxPacked/slotSize || firstOther+len(t.conditions) > maxCondition {
		p.bytes = nil
		return p
	}
	p.lo, p.hi = lo, hi
	all := make([]byte, (hi-lo+1)*slotSize)
	records := map[int32]int{} // by kind
	for i, n := range choices.numbers {
		kind := choices.kinds[i]
		one := choices.of[kind]
		if one.condition == holdsNever && n <= after {
			continue
		}
		at, ok := records[kind]
		if !ok {
			at = len(all)
			records[kind] = at
			all = t.record(all, one)
		}
		if len(all) > maxPacked || at > maxOffset {
			p.bytes = nil
			return p
		}
		slot := all[(n-lo)*slotSize:]
		slot[0], slot[1], slot[2] = byte(at>>16), byte(at>>8), byte(at)
	}
	p.bytes = all
	return p
}

// record appends the record of one choice.
func (t *decided) record(all []byte, one choice) []byte {
	begin := len(all)
	all = binary.BigEndian.AppendUint16(all, uint16(one.condition))
	if one.condition < firstOther {
		return all
	}
	var texts []byte
	differ := t.conditions[one.condition-firstOther].differ
	size := headSize
	for _, is := range differ {
		if is {
			size += valueSize
		}
	}
	for i, v := range one.values {
		if !differ[i] {
			continue
		}
		switch v := v.(type) {
		case int64:
			all = binary.BigEndian.AppendUint64(all, uint64(v))
		case string:
			all = binary.BigEndian.AppendUint32(all, uint32(size+len(texts)))
			all = binary.BigEndian.AppendUint32(all, uint32(len(v)))
			texts = append(texts, v...)
		}
	}
	if len(all) != begin+size {
		panic("sqldb: a value that is neither a number nor a text")
	}
	return append(all, texts...)
}

// from joins to row g of governed what is packed of its policy: the bytes b, where its
// record begins in them, from 0, and which condition counts.
func (p *packed) from(g, d string) fragment {
	slot := func(i int) string {
		return "get_byte(y.b, ((" + g + ".policy - y.lo) * " + strconv.Itoa(slotSize) + ")::int + " + strconv.Itoa(i) + ")"
	}
	return sql(" CROSS JOIN LATERAL (SELECT z.b, z.p, get_byte(z.b, z.p) * 256 + get_byte(z.b, z.p + 1) AS of FROM (SELECT y.b, CASE WHEN "+g+
		".policy BETWEEN y.lo AND y.hi THEN nullif("+slot(0)+" * 65536 + "+slot(1)+" * 256 + "+slot(2)+", 0) END AS p"+
		" FROM (SELECT ?::bytea AS b, ?::bigint AS lo, ?::bigint AS hi OFFSET 0) y OFFSET 0) z OFFSET 0) "+d, p.bytes, p.lo, p.hi)
}

// inBytes looks into what row d has of the policy.
type inBytes struct{ d string }

func (b inBytes) condition() fragment { return sql(b.d + ".of") }

func (b inBytes) value(_, nth int, isText bool) fragment {
	at := headSize + nth*valueSize
	if !isText {
		return sql(b.number(at, valueSize) + "::bigint")
	}
	return sql("convert_from(substring(" + b.d + ".b FROM " + b.d + ".p + " + b.number(at, 4) + "::int + 1 FOR " + b.number(at+4, 4) + "::int), 'UTF8')")
}

// number is so many bytes of the record as bits.
func (b inBytes) number(at, size int) string {
	return "('x' || encode(substring(" + b.d + ".b FROM " + b.d + ".p + " + strconv.Itoa(at+1) + " FOR " + strconv.Itoa(size) + "), 'hex'))::bit(" + strconv.Itoa(8*size) + ")"
}
