package sqldb

import (
	"cmp"
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
	PositionTable
	PhraseTable
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
	// Value outside is the entry's first part, if that is a text. Of a
	// quantity Entry tells rows of the same bound and unit apart.
	Entry, Part int64
	Of          *Value // not nil in a composite's row
}

// Value is the content of a row or of a part of a composite.
type Value struct {
	Text   string // token code, reference id, string norm, uri url
	More   string // string text
	Extra  string // version of a reference or uri
	System int64  // number of the system, of a reference's type, or of a phrase
	Unit   int64  // of a quantity: number of its system, code and text
	// Bounds: of dates as whole microseconds, of numbers as float64. Of a
	// position Lo, Hi and Sort are x, y and z.
	TimeLo, TimeHi int64
	Lo, Hi, Sort   float64
	Sorts          bool
	// A quantity in a composite in canonical units; CanonicalUnit is 0 when
	// it is not in UCUM.
	CanonicalUnit            int64
	CanonicalLo, CanonicalHi float64
}

// compareRows orders the rows of one resource. Rows that differ only in what
// the table's key leaves out are equal.
func compareRows(a, b *Row) int {
	if a.Table != b.Table {
		return int(a.Table) - int(b.Table)
	}
	if a.Param != b.Param {
		return cmp.Compare(a.Param, b.Param)
	}
	switch a.Table {
	case DateTable:
		return cmp.Or(cmp.Compare(a.TimeLo, b.TimeLo), cmp.Compare(a.TimeHi, b.TimeHi))
	case NumberTable, PositionTable:
		return cmp.Or(cmp.Compare(a.Lo, b.Lo), cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Sort, b.Sort))
	case QuantityTable:
		return cmp.Or(cmp.Compare(a.Lo, b.Lo), cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Entry, b.Entry),
			cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Sort, b.Sort))
	case CompositeTable:
		return cmp.Or(cmp.Compare(a.Part, b.Part), strings.Compare(a.Text, b.Text), cmp.Compare(a.Entry, b.Entry))
	}
	return cmp.Or(strings.Compare(a.Text, b.Text), cmp.Compare(a.System, b.System), strings.Compare(a.More, b.More), strings.Compare(a.Extra, b.Extra))
}

// number tells quantities of the same bound and unit apart. rows are sorted.
func number(rows []Row) {
	for i := 1; i < len(rows); i++ {
		a, b := &rows[i-1], &rows[i]
		if b.Table == QuantityTable && a.Table == QuantityTable && a.Param == b.Param && a.Lo == b.Lo && a.Unit == b.Unit {
			b.Entry = a.Entry + 1
		}
	}
}

func (r *Row) equal(o *Row) bool {
	if r.Of != nil && o.Of != nil && *r.Of != *o.Of {
		return false
	}
	a, b := *r, *o
	a.Of, b.Of = nil, nil
	return a == b
}
