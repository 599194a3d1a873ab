package sqldb

import (
	"encoding/binary"
	"errors"
	"math"
)

// The copy of a resource's index rows: for each table that has some a 0 and
// the table, then the rows in order, each with how far its parameter's number
// is above the last one's, plus 1, and its values. Of a value only what is set
// is written, after a mask that says what that is.

var errCorrupt = errors.New("sqldb: the index copy of a resource is damaged")

// What of a Value is written. Bounds that are equal are written once.
const (
	hasText = 1 << iota
	hasSystem
	hasTime
	hasUnit
	hasLo
	hasSorts
	hasExtra
	hasMore
	hasHi
	hasSort
	hasCanonical
	hasCanonicalHi
)

// appendRows encodes rows, which are sorted. Equal rows have equal encodings.
func appendRows(dst []byte, rows []Row) []byte {
	var table Table
	var param int64
	for i := range rows {
		r := &rows[i]
		if r.Table != table {
			dst = append(dst, 0, byte(r.Table))
			table, param = r.Table, 0
		}
		dst = binary.AppendUvarint(dst, uint64(r.Param-param)+1)
		param = r.Param
		switch r.Table {
		case QuantityTable:
			dst = binary.AppendUvarint(dst, uint64(r.Entry))
		case CompositeTable:
			dst = binary.AppendUvarint(dst, uint64(r.Entry))
			dst = binary.AppendUvarint(dst, uint64(r.Part))
			dst = appendValue(dst, r.Of)
		}
		dst = appendValue(dst, &r.Value)
	}
	return dst
}

func (v *Value) mask() (m uint64) {
	set := func(bit uint64, is bool) {
		if is {
			m |= bit
		}
	}
	set(hasText, v.Text != "")
	set(hasSystem, v.System != 0)
	set(hasTime, v.TimeLo != 0 || v.TimeHi != 0)
	set(hasUnit, v.Unit != 0)
	set(hasLo, v.Lo != 0)
	set(hasSorts, v.Sorts)
	set(hasExtra, v.Extra != "")
	set(hasMore, v.More != "")
	set(hasHi, v.Hi != v.Lo)
	set(hasSort, v.Sort != v.Lo)
	set(hasCanonical, v.CanonicalUnit != 0)
	set(hasCanonicalHi, v.CanonicalHi != v.CanonicalLo)
	return m
}

func appendValue(dst []byte, v *Value) []byte {
	m := v.mask()
	dst = binary.AppendUvarint(dst, m)
	if m&hasText != 0 {
		dst = appendText(dst, v.Text)
	}
	if m&hasSystem != 0 {
		dst = binary.AppendVarint(dst, v.System)
	}
	if m&hasTime != 0 {
		dst = appendTime(dst, v.TimeLo, v.TimeHi)
	}
	if m&hasUnit != 0 {
		dst = binary.AppendUvarint(dst, uint64(v.Unit))
	}
	if m&hasLo != 0 {
		dst = appendFloat(dst, v.Lo)
	}
	if m&hasExtra != 0 {
		dst = appendText(dst, v.Extra)
	}
	if m&hasMore != 0 {
		dst = appendText(dst, v.More)
	}
	if m&hasHi != 0 {
		dst = appendFloat(dst, v.Hi)
	}
	if m&hasSort != 0 {
		dst = appendFloat(dst, v.Sort)
	}
	if m&hasCanonical != 0 {
		dst = binary.AppendUvarint(dst, uint64(v.CanonicalUnit))
		dst = appendFloat(dst, v.CanonicalLo)
	}
	if m&hasCanonicalHi != 0 {
		dst = appendFloat(dst, v.CanonicalHi)
	}
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendTime writes a range in whole seconds if it is that.
func appendTime(dst []byte, lo, hi int64) []byte {
	const second = 1_000_000
	if lo%second == 0 && hi%second == 0 {
		dst = binary.AppendVarint(append(dst, 1), lo/second)
		return binary.AppendVarint(dst, (hi-lo)/second)
	}
	dst = binary.AppendVarint(append(dst, 0), lo)
	return binary.AppendVarint(dst, hi-lo)
}

var pow10 = [...]float64{1, 10, 100, 1e3, 1e4, 1e5, 1e6}

// appendFloat writes a number of few decimal digits as these, with how many
// stand behind the point; any other one as it is.
func appendFloat(dst []byte, f float64) []byte {
	for e, p := range pow10 {
		if m := math.Round(f * p); math.Abs(m) < 1<<50 && m/p == f {
			return binary.AppendVarint(dst, int64(m)<<3|int64(e))
		}
	}
	return binary.BigEndian.AppendUint64(binary.AppendVarint(dst, int64(len(pow10))), math.Float64bits(f))
}

// ownCopy begins a copy in resource.idx; no other begins with it.
const ownCopy = 0xFF

// DecodeRows reads an Index's Copy.
func DecodeRows(b []byte) ([]Row, error) {
	if len(b) > 0 && b[0] == ownCopy {
		b = b[1:]
	}
	d := decoder{b: b}
	var rows []Row
	var table Table
	var param int64
	for len(d.b) > 0 {
		step := d.uvarint()
		if step == 0 {
			table, param = Table(d.byte()), 0
			d.bad = d.bad || table == 0 || table >= tables
		} else {
			param += step - 1
			rows = append(rows, d.row(table, param))
		}
		if d.bad {
			return nil, errCorrupt
		}
	}
	return rows, nil
}

// decoder reads what the functions above wrote.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) row(table Table, param int64) Row {
	r := Row{Table: table, Param: param}
	switch table {
	case QuantityTable:
		r.Entry = d.uvarint()
	case CompositeTable:
		r.Entry = d.uvarint()
		r.Part = d.uvarint()
		r.Of = new(Value)
		*r.Of = d.value()
	}
	r.Value = d.value()
	d.bad = d.bad || table == 0
	return r
}

func (d *decoder) value() (v Value) {
	m := d.uvarint()
	if m&hasText != 0 {
		v.Text = d.text()
	}
	if m&hasSystem != 0 {
		v.System = d.varint()
	}
	if m&hasTime != 0 {
		v.TimeLo, v.TimeHi = d.time()
	}
	if m&hasUnit != 0 {
		v.Unit = d.uvarint()
	}
	if m&hasLo != 0 {
		v.Lo = d.float()
	}
	v.Hi, v.Sort, v.Sorts = v.Lo, v.Lo, m&hasSorts != 0
	if m&hasExtra != 0 {
		v.Extra = d.text()
	}
	if m&hasMore != 0 {
		v.More = d.text()
	}
	if m&hasHi != 0 {
		v.Hi = d.float()
	}
	if m&hasSort != 0 {
		v.Sort = d.float()
	}
	if m&hasCanonical != 0 {
		v.CanonicalUnit = d.uvarint()
		v.CanonicalLo = d.float()
	}
	v.CanonicalHi = v.CanonicalLo
	if m&hasCanonicalHi != 0 {
		v.CanonicalHi = d.float()
	}
	return v
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

func (d *decoder) uvarint() int64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > math.MaxInt64 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return int64(v)
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

func (d *decoder) time() (lo, hi int64) {
	unit := int64(1)
	if d.byte() == 1 {
		unit = 1_000_000
	}
	lo = d.varint() * unit
	return lo, lo + d.varint()*unit
}

func (d *decoder) float() float64 {
	v := d.varint()
	if e := v & 7; e < int64(len(pow10)) {
		return float64(v>>3) / pow10[e]
	}
	return d.bits()
}

func (d *decoder) bits() float64 {
	if len(d.b) < 8 {
		d.bad, d.b = true, nil
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(d.b))
	d.b = d.b[8:]
	return f
}
