package sqldb

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// Op puts one index row in or takes it out.
type Op struct {
	*Row
	RID    int64
	Target int64 // of a reference: rid of what it refers to, once that is known
	Gone   bool
}

// AppendOps adds what replaces a resource's rows. It keeps pointers to them.
func AppendOps(ops []Op, rid int64, gone, come []Row) []Op {
	for i := range gone {
		ops = append(ops, Op{Row: &gone[i], RID: rid, Gone: true})
	}
	for i := range come {
		ops = append(ops, Op{Row: &come[i], RID: rid})
	}
	return ops
}

// Refers says whether ops put in or take out references to a resource.
func Refers(ops []Op, typeNumber int64, id string) bool {
	id = Clean(id)
	for i := range ops {
		if o := &ops[i]; o.Table == ReferenceTable && o.System == typeNumber && o.Text == id {
			return true
		}
	}
	return false
}

// Targets are the resources to which ops take references out.
func Targets(ops []Op) []int64 {
	var rids []int64
	for i := range ops {
		if o := &ops[i]; o.Table == ReferenceTable && o.Gone {
			rids = append(rids, o.Target)
		}
	}
	slices.Sort(rids)
	return slices.Compact(rids)
}

// SortOps gives the order of ops along the tables' keys, as indexes. What
// concerns the same key stays in the order it was asked for.
func SortOps(ops []Op) []int32 {
	heads := make([]keyHead, len(ops))
	for i := range ops {
		heads[i] = headOf(&ops[i], int32(i))
	}
	slices.SortFunc(heads, func(a, b keyHead) int {
		switch {
		case a.table != b.table:
			return int(a.table) - int(b.table)
		case a.first != b.first:
			return cmp.Compare(a.first, b.first)
		case a.text != b.text:
			return cmp.Compare(a.text, b.text)
		}
		if c := compareKeys(&ops[a.op], &ops[b.op]); c != 0 {
			return c
		}
		return cmp.Compare(a.op, b.op)
	})
	order := make([]int32, len(ops))
	for i := range heads {
		order[i] = heads[i].op
	}
	return order
}

// keyHead is what mostly tells keys apart, so that few ops are looked at.
type keyHead struct {
	table Table
	op    int32
	first int64
	text  uint64 // the first bytes of the text that follows, if one does
}

func headOf(o *Op, i int32) keyHead {
	h := keyHead{table: o.Table, op: i, first: o.Param}
	switch o.Table {
	case ReferenceTable:
		h.first = o.Target
	case PhraseTable:
		h.first = o.System
	case TokenTable, StringTable, URITable:
		var begin [8]byte
		copy(begin[:], o.Text)
		h.text = binary.BigEndian.Uint64(begin[:])
	}
	return h
}

// compareKeys orders ops as the primary keys of their tables are ordered.
func compareKeys(a, b *Op) int {
	if a.Table != b.Table {
		return int(a.Table) - int(b.Table)
	}
	if a.Table == ReferenceTable {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Param, b.Param), cmp.Compare(a.RID, b.RID), strings.Compare(a.Extra, b.Extra))
	}
	if a.Table == PhraseTable {
		return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.Param, b.Param), cmp.Compare(a.RID, b.RID))
	}
	if a.Param != b.Param {
		return cmp.Compare(a.Param, b.Param)
	}
	switch a.Table {
	case DateTable:
		return cmp.Or(cmp.Compare(a.TimeLo, b.TimeLo), cmp.Compare(a.RID, b.RID), cmp.Compare(a.TimeHi, b.TimeHi))
	case NumberTable, PositionTable:
		return cmp.Or(cmp.Compare(a.Lo, b.Lo), cmp.Compare(a.RID, b.RID), cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Sort, b.Sort))
	case QuantityTable:
		return cmp.Or(cmp.Compare(a.Unit, b.Unit), cmp.Compare(a.Lo, b.Lo), cmp.Compare(a.RID, b.RID), cmp.Compare(a.Entry, b.Entry))
	case CompositeTable:
		return cmp.Or(cmp.Compare(a.Part, b.Part), strings.Compare(a.Text, b.Text), cmp.Compare(a.RID, b.RID), cmp.Compare(a.Entry, b.Entry))
	}
	if c := strings.Compare(a.Text, b.Text); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(a.RID, b.RID), cmp.Compare(a.System, b.System), strings.Compare(a.More, b.More), strings.Compare(a.Extra, b.Extra))
}

// table describes one index table for writing.
type table struct {
	name    string
	columns []string
	key     []string // by which a row is removed
	append  func(args []any, op *Op) []any
	keyed   func(args []any, op *Op) []any
}

// ApplyOps writes ops in order of the tables' keys, several rows a statement.
// The parameters in text are ?.
func ApplyOps(ops []Op, run func(text string, args []any) error) error {
	order := SortOps(ops)
	var args []any
	for i := 0; i < len(order); {
		first := &ops[order[i]]
		t := &tableOf[first.Table]
		n := 1
		for i+n < len(order) && ops[order[i+n]].Table == first.Table && ops[order[i+n]].Gone == first.Gone {
			n++
		}
		for n > 0 {
			size := chunkSize(n, first.Gone)
			args = args[:0]
			for _, k := range order[i : i+size] {
				if first.Gone {
					args = t.keyed(args, &ops[k])
				} else {
					args = t.append(args, &ops[k])
				}
			}
			if err := run(t.statement(size, first.Gone), args); err != nil {
				return err
			}
			i, n = i+size, n-size
		}
	}
	return nil
}

// chunks are the numbers of rows a statement may have: few, so that the
// statements stay prepared.
var chunks = [...]int{50, 12, 4, 1}

func chunkSize(n int, gone bool) int {
	if gone {
		return 1
	}
	for _, c := range chunks {
		if n >= c {
			return c
		}
	}
	return 1
}

func (t *table) statement(rows int, gone bool) string {
	if gone {
		return "DELETE FROM " + t.name + " WHERE " + strings.Join(t.key, " = ? AND ") + " = ?"
	}
	// OR FAIL spares SQLite a journal of its own for each statement: who gets
	// an error here rolls the transaction back.
	one := "(?" + strings.Repeat(", ?", len(t.columns)-1) + ")"
	return "INSERT OR FAIL INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
}

// Columns are the rows of one table that go or come, by column.
type Columns struct {
	Table  string
	Names  []string
	Values [][]any // Values[i] is the column Names[i]
	Gone   bool
}

// GroupOps gives ops as at most two groups a table: first what goes, by the
// columns of its key, then what comes. What comes and goes again is left out.
func GroupOps(ops []Op, f func(Columns)) {
	order := SortOps(ops)
	var gone, come [tables][]*Op
	for i := 0; i < len(order); {
		first := &ops[order[i]]
		last, removed := first, first.Gone
		for i++; i < len(order); i++ {
			next := &ops[order[i]]
			if compareKeys(next, first) != 0 {
				break
			}
			last, removed = next, removed || next.Gone
		}
		if removed {
			gone[first.Table] = append(gone[first.Table], first)
		}
		if !last.Gone {
			come[first.Table] = append(come[first.Table], last)
		}
	}
	for i := range tableOf {
		t := &tableOf[i]
		if len(gone[i]) > 0 {
			f(byColumn(t.name, t.key, gone[i], t.keyed, true))
		}
		if len(come[i]) > 0 {
			f(byColumn(t.name, t.columns, come[i], t.append, false))
		}
	}
}

func byColumn(table string, names []string, ops []*Op, row func([]any, *Op) []any, gone bool) Columns {
	c := Columns{Table: table, Names: names, Values: make([][]any, len(names)), Gone: gone}
	var args []any
	for _, op := range ops {
		args = row(args[:0], op)
		for i, a := range args {
			c.Values[i] = append(c.Values[i], a)
		}
	}
	return c
}
