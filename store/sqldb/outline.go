package sqldb

import (
	"iter"
	"strconv"
	"strings"
)

// The outline of a resource's index is what many resources have in common: for
// each parameter with a value the number, and behind a colon of what table its
// rows are and what they hold, with a + when there are several. How long it is
// depends on the definitions, not on what clients write. It is a name in
// OutlineSpace; :missing looks for ",12:" in it.

// mask says which fields of a Value are set. Bounds that are equal count once.
type mask uint16

const (
	hasText mask = 1 << iota
	hasSystem
	hasTime
	hasUnit
	hasLo
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
	set(hasExtra, v.Extra != "")
	set(hasMore, v.More != "")
	set(hasHi, v.Hi != v.Lo)
	set(hasSort, v.Sort != v.Lo)
	set(hasCanonical, v.CanonicalUnit != 0)
	set(hasCanonicalHi, v.CanonicalHi != v.CanonicalLo)
	return m
}

// group is the rows of one parameter in one table: of a composite, of one part.
type group struct {
	table  Table
	param  int64
	value  mask  // what any of the rows has
	target int64 // of references, if they are all to one type: its number
	part   int64
	of     mask
	many   bool
}

// groups yields the groups of rows, which are sorted.
func groups(rows []Row) iter.Seq2[group, []Row] {
	return func(yield func(group, []Row) bool) {
		for len(rows) > 0 {
			first := &rows[0]
			g := group{table: first.Table, param: first.Param, part: first.Part, target: first.System}
			n := 0
			for n < len(rows) && rows[n].Table == g.table && rows[n].Param == g.param && rows[n].Part == g.part {
				r := &rows[n]
				g.value |= r.mask()
				if r.Of != nil {
					g.of |= r.Of.mask() &^ hasSort
				}
				if r.System != g.target {
					g.target = 0
				}
				n++
			}
			if g.table != ReferenceTable {
				g.target = 0
			}
			if g.target != 0 {
				g.value &^= hasSystem
			}
			g.many = n > 1
			if !yield(g, rows[:n]) {
				return
			}
			rows = rows[n:]
		}
	}
}

// outlineOf is the outline of rows, which are sorted, and of the parameters
// that have a value but no row.
func outlineOf(rows []Row, params []int64) string {
	b := make([]byte, 0, 16*len(params))
	for g := range groups(rows) {
		b = strconv.AppendInt(append(b, ','), g.param, 10)
		separator := byte(':')
		skipped := 0
		for _, n := range [...]int64{int64(g.table), int64(g.value), g.target, g.part, int64(g.of)} {
			if n == 0 {
				skipped++
				continue
			}
			for ; skipped > 0; skipped-- {
				b, separator = append(b, separator), '.'
			}
			b = strconv.AppendInt(append(b, separator), n, 10)
			separator = '.'
		}
		if g.many {
			b = append(b, '+')
		}
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

func parseOutline(outline string) (groups []group, err error) {
	for part := range strings.SplitSeq(outline, ",") {
		param, form, _ := strings.Cut(part, ":")
		if form == "" {
			continue
		}
		form, many := strings.CutSuffix(form, "+")
		var n [5]int64
		fields := strings.Split(form, ".")
		if len(fields) > len(n) {
			return nil, errCorrupt
		}
		for i, f := range fields {
			if n[i], err = parseNumber(f); err != nil {
				return nil, err
			}
		}
		g := group{table: Table(n[0]), value: mask(n[1]), target: n[2], part: n[3], of: mask(n[4]), many: many}
		if g.param, err = parseNumber(param); err != nil {
			return nil, err
		}
		if n[0] < 1 || n[0] >= int64(tables) {
			return nil, errCorrupt
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// parseNumber reads a number, "" being 0.
func parseNumber(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, errCorrupt
	}
	return n, nil
}
