package sqldb

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
)

// The copy of a resource's index rows has what its outline leaves open, row
// after row. Texts that stand in the resource's JSON are named by where they
// begin; they end with a quotation mark there.

var errCorrupt = errors.New("sqldb: the index copy of a resource is damaged")

// searched is how much of the JSON texts are looked for in.
const searched = 1 << 14

// appendRows encodes rows, which are sorted. Equal rows have equal encodings.
func appendRows(dst []byte, rows []Row, json []byte) []byte {
	e := encoder{dst: dst, quotes: quotesOf(json[:min(len(json), searched)])}
	for g, of := range groups(rows) {
		if g.many {
			e.uvarint(len(of))
		}
		for i := range of {
			e.row(&g, &of[i], rows)
		}
	}
	return e.dst
}

type encoder struct {
	dst    []byte
	quotes *quotes // of the JSON
}

func (e *encoder) row(g *group, r *Row, rows []Row) {
	if g.table == CompositeTable {
		e.uvarint(int(r.Entry))
		e.part(g.of, r.Of, rows)
	}
	e.value(g.value, &r.Value)
}

// part writes a composite's part. A quantity mostly is the value of another
// parameter, too; then the row is named.
func (e *encoder) part(m mask, v *Value, rows []Row) {
	if m&hasUnit != 0 {
		same := find(rows, v.Unit, v.Lo, v.Hi)
		if e.uvarint(same); same > 0 {
			m &^= ofQuantity
		}
	}
	if m&hasCanonical != 0 {
		same := find(rows, v.CanonicalUnit, v.CanonicalLo, v.CanonicalHi)
		if e.uvarint(same); same > 0 {
			m &^= ofCanonical
		}
	}
	e.value(m, v)
}

// looked is how many rows are looked at.
const looked = 256

// find returns the place, from 1, of a row with this quantity, 0 for none.
func find(rows []Row, unit int64, lo, hi float64) int {
	for i := range rows[:min(len(rows), looked)] {
		if r := &rows[i]; r.Table == QuantityTable && r.Unit == unit && r.Lo == lo && r.Hi == hi {
			return i + 1
		}
	}
	return 0
}

func (e *encoder) value(m mask, v *Value) {
	if m&hasText != 0 {
		e.string(v.Text)
	}
	if m&hasSystem != 0 {
		e.dst = binary.AppendVarint(e.dst, v.System)
	}
	if m&hasTime != 0 {
		e.time(v.TimeLo, v.TimeHi)
	}
	if m&hasUnit != 0 {
		e.uvarint(int(v.Unit<<1 | flag(v.Sorts)))
	}
	if m&hasLo != 0 {
		e.float(v.Lo)
	}
	if m&hasExtra != 0 {
		e.string(v.Extra)
	}
	if m&hasMore != 0 {
		e.string(v.More)
	}
	if m&hasHi != 0 {
		e.float(v.Hi)
	}
	if m&hasSort != 0 {
		e.float(v.Sort)
	}
	if m&hasCanonical != 0 {
		e.uvarint(int(v.CanonicalUnit))
		e.float(v.CanonicalLo)
	}
	if m&hasCanonicalHi != 0 {
		e.float(v.CanonicalHi)
	}
}

func (e *encoder) uvarint(n int) { e.dst = binary.AppendUvarint(e.dst, uint64(n)) }

// string writes an even number for a text in the JSON, or else the length and
// the text.
func (e *encoder) string(s string) {
	if from := e.quotes.find(s); from >= 0 && !strings.Contains(s, `"`) {
		e.uvarint(from << 1)
		return
	}
	e.uvarint(len(s)<<1 | 1)
	e.dst = append(e.dst, s...)
}

// time writes a range in whole seconds if it is that.
func (e *encoder) time(lo, hi int64) {
	unit := int64(1)
	if lo%second == 0 && hi%second == 0 {
		unit = second
	}
	e.dst = binary.AppendVarint(append(e.dst, byte(unit&1)), lo/unit)
	e.dst = binary.AppendVarint(e.dst, (hi-lo)/unit)
}

const second = 1_000_000

var pow10 = [...]float64{1, 10, 100, 1e3, 1e4, 1e5, 1e6}

// float writes a number of few decimal digits as these, with how many stand
// behind the point; any other one as it is.
func (e *encoder) float(f float64) {
	for places, p := range pow10 {
		if m := math.Round(f * p); math.Abs(m) < 1<<50 && m/p == f {
			e.dst = binary.AppendVarint(e.dst, int64(m)<<3|int64(places))
			return
		}
	}
	e.dst = binary.BigEndian.AppendUint64(binary.AppendVarint(e.dst, int64(len(pow10))), math.Float64bits(f))
}

// decodeRows reads the copy of rows that have an outline.
func decodeRows(outline string, b, json []byte) ([]Row, error) {
	groups, err := parseOutline(outline)
	if err != nil {
		return nil, err
	}
	d := decoder{b: b, json: string(json[:min(len(json), searched)])}
	var rows []Row
	for i := range groups {
		g := &groups[i]
		n := int64(1)
		if g.many {
			if n = d.uvarint(); n > int64(len(d.b)) { // each takes a byte at least
				return nil, errCorrupt
			}
		}
		for ; n > 0 && !d.bad; n-- {
			rows = append(rows, d.row(g, rows))
		}
	}
	if d.bad || len(d.b) > 0 {
		return nil, errCorrupt
	}
	number(rows)
	return rows, nil
}

// decoder reads what encoder wrote.
type decoder struct {
	b    []byte
	json string
	bad  bool
}

func (d *decoder) row(g *group, rows []Row) Row {
	r := Row{Table: g.table, Param: g.param, Part: g.part}
	if g.table == CompositeTable {
		r.Entry = d.uvarint()
		r.Of = new(Value)
		*r.Of = d.part(g.of, rows)
	}
	r.Value = d.value(g.value)
	if g.target != 0 {
		r.System = g.target
	}
	return r
}

func (d *decoder) part(m mask, rows []Row) Value {
	var own, canonical *Row
	if m&hasUnit != 0 {
		if own = d.find(rows); own != nil {
			m &^= ofQuantity
		}
	}
	if m&hasCanonical != 0 {
		if canonical = d.find(rows); canonical != nil {
			m &^= ofCanonical
		}
	}
	v := d.value(m)
	if own != nil {
		v.Unit, v.Lo, v.Hi = own.Unit, own.Lo, own.Hi
	}
	if canonical != nil {
		v.CanonicalUnit, v.CanonicalLo, v.CanonicalHi = canonical.Unit, canonical.Lo, canonical.Hi
	}
	v.Sort = 0
	return v
}

func (d *decoder) find(rows []Row) *Row {
	place := d.uvarint()
	if place == 0 {
		return nil
	}
	if place > int64(len(rows)) {
		d.bad = true
		return nil
	}
	return &rows[place-1]
}

func (d *decoder) value(m mask) (v Value) {
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
		unit := d.uvarint()
		v.Unit, v.Sorts = unit>>1, unit&1 != 0
	}
	if m&hasLo != 0 {
		v.Lo = d.float()
	}
	v.Hi, v.Sort = v.Lo, v.Lo
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
	n := d.uvarint()
	if n&1 == 0 {
		from := n >> 1
		if from < int64(len(d.json)) {
			if s, _, ok := strings.Cut(d.json[from:], `"`); ok {
				return s
			}
		}
		d.bad = true
		return ""
	}
	return d.bytes(n >> 1)
}

func (d *decoder) bytes(n int64) string {
	if n > int64(len(d.b)) {
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) time() (lo, hi int64) {
	unit := int64(1)
	if d.byte() == 0 {
		unit = second
	}
	lo = d.varint() * unit
	return lo, lo + d.varint()*unit
}

func (d *decoder) float() float64 {
	v := d.varint()
	if places := v & 7; places < int64(len(pow10)) {
		return float64(v>>3) / pow10[places]
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
