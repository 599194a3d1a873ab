package sqldb

import (
	"strconv"
	"strings"
)

// The outline of a resource's index is what many resources have in common: for
// each parameter with a value the number, and behind a colon of what table its
// rows are and what they hold, with a + when there are several. It is a name in
// OutlineSpace; :missing looks for ",12:" in it.

// mask says which fields of a Value are set. Bounds that are equal count once.
type mask uint16

const (
	hasText mask = 1 << iota
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

	ofQuantity  = hasUnit | hasLo | hasHi
	ofCanonical = hasCanonical | hasCanonicalHi
)

func (v *Value) mask() (m mask) {
	set := func(bit mask, is bool) {
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

// group is rows that stand together in an outline.
type group struct {
	table  Table
	param  int64
	value  mask
	target int64 // of references: number of the type
	part   int64 // of a composite
	of     mask
	many   bool
}

func groupOf(r *Row) group {
	g := group{table: r.Table, param: r.Param, value: r.mask(), part: r.Part}
	switch {
	case r.Table == ReferenceTable:
		g.target, g.value = r.System, g.value&^hasSystem
	case r.Of != nil:
		g.of = r.Of.mask() &^ hasSort
	}
	return g
}

// outlineOf is the outline of rows, which are sorted, and of the parameters
// that have a value but no row.
func outlineOf(rows []Row, params []int64) string {
	b := make([]byte, 0, 16*len(params))
	for i := 0; i < len(rows); {
		g := groupOf(&rows[i])
		n := 1
		for i+n < len(rows) && groupOf(&rows[i+n]) == g {
			n++
		}
		b = strconv.AppendInt(append(b, ','), g.param, 10)
		b = append(b, ':')
		for i, n := range [...]int64{int64(g.table), int64(g.value), g.target, g.part, int64(g.of)} {
			if i > 0 {
				b = append(b, '.')
			}
			if n != 0 {
				b = strconv.AppendInt(b, n, 10)
			}
		}
		if n > 1 {
			b = append(b, '+')
		}
		i += n
	}
	for _, p := range params {
		if !hasRow(rows, p) {
			b = append(strconv.AppendInt(append(b, ','), p, 10), ':')
		}
	}
	return string(b)
}

func hasRow(rows []Row, param int64) bool {
	for i := range rows {
		if rows[i].Param == param {
			return true
		}
	}
	return false
}

func parseOutline(outline string) ([]group, error) {
	var groups []group
	for part := range strings.SplitSeq(outline, ",") {
		param, form, _ := strings.Cut(part, ":")
		if form == "" {
			continue
		}
		form, many := strings.CutSuffix(form, "+")
		fields := strings.Split(form, ".")
		if len(fields) != 5 {
			return nil, errCorrupt
		}
		var n [6]int64
		for i, f := range append(fields, param) {
			if f == "" {
				continue
			}
			var err error
			if n[i], err = strconv.ParseInt(f, 10, 64); err != nil {
				return nil, errCorrupt
			}
		}
		if n[0] < 1 || n[0] >= int64(tables) {
			return nil, errCorrupt
		}
		groups = append(groups, group{table: Table(n[0]), value: mask(n[1]), target: n[2], part: n[3], of: mask(n[4]), param: n[5], many: many})
	}
	return groups, nil
}
