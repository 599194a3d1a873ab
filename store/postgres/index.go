package postgres

import (
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/store/sqldb"
)

// writeIndex queues the changes of the search index collected so far: one or
// two statements a table.
func (t *tx) writeIndex() error {
	if len(t.ops) == 0 {
		return nil
	}
	sqldb.GroupOps(t.ops, func(c sqldb.Columns) {
		arrays := make([]any, len(c.Names))
		for i, values := range c.Values {
			arrays[i] = array(values)
		}
		t.enqueue(indexStatement(c), arrays...)
	})
	t.ops = t.ops[:0]
	return nil
}

// array gives the values their type, which all have in common.
func array(values []any) any {
	switch values[0].(type) {
	case int64:
		return typed[int64](values)
	case float64:
		return typed[float64](values)
	}
	return typed[string](values)
}

func typed[T any](values []any) []T {
	out := make([]T, len(values))
	for i, v := range values {
		out[i] = v.(T)
	}
	return out
}

func indexStatement(c sqldb.Columns) string {
	var unnest strings.Builder
	unnest.WriteString("unnest(")
	for i, name := range c.Names {
		if i > 0 {
			unnest.WriteString(", ")
		}
		unnest.WriteString("$" + strconv.Itoa(i+1) + "::" + columnType(name, c.Values[i][0]) + "[]")
	}
	names := strings.Join(c.Names, ", ")
	unnest.WriteString(") AS k (" + names + ")")
	if !c.Gone {
		return "INSERT INTO " + c.Table + " (" + names + ") SELECT * FROM " + unnest.String()
	}
	var where []string
	for _, name := range c.Names {
		where = append(where, "x."+name+" = k."+name)
	}
	return "DELETE FROM " + c.Table + " x USING " + unnest.String() + " WHERE " + strings.Join(where, " AND ")
}

// columnType is the type of an index table's column in the migrations.
func columnType(name string, value any) string {
	switch value.(type) {
	case float64:
		return "double precision"
	case string:
		return "text"
	}
	switch name {
	case "param", "type", "system", "psystem", "part", "entry":
		return "integer"
	case "sorts":
		return "smallint"
	}
	return "bigint"
}
