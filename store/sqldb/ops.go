package sqldb

import (
	"cmp"
	"slices"
	"strings"
)

// Op puts one index row in or takes it out.
type Op struct {
	Row
	RID  int64
	Gone bool
}

// AppendOps adds what replaces a resource's rows.
func AppendOps(ops []Op, rid int64, gone, come []Row) []Op {
	for _, r := range gone {
		ops = append(ops, Op{r, rid, true})
	}
	for _, r := range come {
		ops = append(ops, Op{r, rid, false})
	}
	return ops
}

// SortOps gives the order of ops along the tables' keys, as indexes. What
// concerns the same row stays in the order it was asked for.
func SortOps(ops []Op) []int32 {
	order := make([]int32, len(ops))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int {
		a, b := &ops[i], &ops[j]
		if c := compareRows(&a.Row, &b.Row); c != 0 {
			return c
		}
		if c := cmp.Compare(a.RID, b.RID); c != 0 {
			return c
		}
		return compareWithin(&a.Row, &b.Row)
	})
	return order
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
	one := "(?" + strings.Repeat(", ?", len(t.columns)-1) + ")"
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " + one + strings.Repeat(", "+one, rows-1)
}
