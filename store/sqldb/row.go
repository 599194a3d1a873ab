package sqldb

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"strings"
)

// Table is one table of the search index.
type Table uint8

// The tables of the search index.
const (
	TokenTable Table = iota + 1
	ReferenceTable
	StringTable
	DateTable
	NumberTable
	QuantityTable
	URITable
	CompositeTable
	tables
)

// Tables is how many tables the search index has, counted from 1.
const Tables = int(tables) - 1

// Row is one row of the search index, of whatever table; the resource's rid is
// kept beside it. Fields that its table does not have are zero.
type Row struct {
	Table Table
	Param int64
	Value
	// Of a composite: which entry, which part, and that part's value. The
	// Value outside is the entry's first part, if that is a text.
	Entry, Part int64
	Of          *Value // not nil in a composite's row
}

// Value is the content of a row or of a part of a composite.
type Value struct {
	Text   string // token code, reference id, string norm, uri url, quantity code
	More   string // reference type's number is System; string text; quantity unit
	Extra  string // version of a reference or uri; unit of a canonical quantity in a composite
	System int64  // number of the system, or of a reference's type
	// Bounds: of dates as whole microseconds, of numbers as float64.
	TimeLo, TimeHi int64
	Lo, Hi, Sort   float64
	Sorts          bool
	// Canonical bounds of a quantity in a composite.
	CanonicalLo, CanonicalHi float64
}

// Less orders rows as their table's primary key has them, so that a sorted
// batch is written along the tree.
func compareRows(a, b *Row) int {
	if c := cmp.Compare(a.Table, b.Table); c != 0 {
		return c
	}
	if a.Table == ReferenceTable {
		if c := strings.Compare(a.Text, b.Text); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(a.Param, b.Param); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Part, b.Part); c != 0 {
		return c
	}
	switch a.Table {
	case DateTable:
		if c := cmp.Compare(a.TimeLo, b.TimeLo); c != 0 {
			return c
		}
	case NumberTable, QuantityTable:
		if c := cmp.Compare(a.Lo, b.Lo); c != 0 {
			return c
		}
	default:
		if c := strings.Compare(a.Text, b.Text); c != 0 {
			return c
		}
	}
	return 0
}

// compareWithin goes on where compareRows finds two rows of one resource
// equal: by the rest of the primary key.
func compareWithin(a, b *Row) int {
	return cmp.Or(
		cmp.Compare(a.Entry, b.Entry),
		cmp.Compare(a.System, b.System),
		strings.Compare(a.Text, b.Text),
		strings.Compare(a.More, b.More),
		strings.Compare(a.Extra, b.Extra),
		cmp.Compare(a.TimeHi, b.TimeHi),
		cmp.Compare(a.Hi, b.Hi),
		cmp.Compare(a.Sort, b.Sort),
	)
}

var errCorrupt = errors.New("sqldb: the index copy of a resource is damaged")

// appendRow encodes r. Equal rows have equal encodings.
func appendRow(dst []byte, r *Row) []byte {
	dst = append(dst, byte(r.Table))
	dst = binary.AppendVarint(dst, r.Param)
	switch r.Table {
	case TokenTable, ReferenceTable, URITable, StringTable:
		dst = appendTexts(dst, &r.Value)
	case DateTable:
		dst = binary.AppendVarint(dst, r.TimeLo)
		dst = binary.AppendVarint(dst, r.TimeHi-r.TimeLo)
	case NumberTable:
		dst = appendNumbers(dst, &r.Value)
	case QuantityTable:
		dst = appendTexts(dst, &r.Value)
		dst = appendNumbers(dst, &r.Value)
	case CompositeTable:
		dst = binary.AppendVarint(dst, r.Entry)
		dst = binary.AppendVarint(dst, r.Part)
		dst = appendTexts(dst, &r.Value)
		dst = appendTexts(dst, r.Of)
		dst = appendNumbers(dst, r.Of)
		dst = appendFloat(dst, r.Of.CanonicalLo)
		dst = appendFloat(dst, r.Of.CanonicalHi)
	}
	return dst
}

func appendTexts(dst []byte, v *Value) []byte {
	dst = appendText(dst, v.Text)
	dst = appendText(dst, v.More)
	dst = appendText(dst, v.Extra)
	return binary.AppendVarint(dst, v.System)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendNumbers(dst []byte, v *Value) []byte {
	if v.Sorts {
		dst = append(dst, 1)
	} else {
		dst = append(dst, 0)
	}
	dst = appendFloat(dst, v.Lo)
	dst = appendFloat(dst, v.Hi)
	return appendFloat(dst, v.Sort)
}

func appendFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

// decoder reads what appendRow wrote.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) row() Row {
	r := Row{Table: Table(d.byte())}
	r.Param = d.varint()
	switch r.Table {
	case TokenTable, ReferenceTable, URITable, StringTable:
		d.texts(&r.Value)
	case DateTable:
		r.TimeLo = d.varint()
		r.TimeHi = r.TimeLo + d.varint()
	case NumberTable:
		d.numbers(&r.Value)
	case QuantityTable:
		d.texts(&r.Value)
		d.numbers(&r.Value)
	case CompositeTable:
		r.Entry = d.varint()
		r.Part = d.varint()
		d.texts(&r.Value)
		r.Of = new(Value)
		d.texts(r.Of)
		d.numbers(r.Of)
		r.Of.CanonicalLo = d.float()
		r.Of.CanonicalHi = d.float()
	default:
		d.bad = true
	}
	return r
}

func (d *decoder) texts(v *Value) {
	v.Text, v.More, v.Extra = d.text(), d.text(), d.text()
	v.System = d.varint()
}

func (d *decoder) numbers(v *Value) {
	v.Sorts = d.byte() == 1
	v.Lo, v.Hi, v.Sort = d.float(), d.float(), d.float()
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string {
	n, w := binary.Uvarint(d.b)
	if w <= 0 || uint64(len(d.b)-w) < n {
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[w : w+int(n)])
	d.b = d.b[w+int(n):]
	return s
}

func (d *decoder) float() float64 {
	if len(d.b) < 8 {
		d.bad, d.b = true, nil
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(d.b))
	d.b = d.b[8:]
	return f
}
