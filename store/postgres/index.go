package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/store/sqldb"
)

// writeIndex queues the changes of the search index collected so far: one or
// two statements a table. Many new rows are copied at once.
func (t *tx) writeIndex(ctx context.Context) error {
	if len(t.ops) == 0 {
		return nil
	}
	err := t.resolve(ctx)
	if err != nil {
		return err
	}
	kept := false
	sqldb.GroupOps(t.ops, func(c sqldb.Columns) {
		if !kept && !c.Gone && (c.Table == "phrase_use" || c.Table == "quantity" || c.Table == "composite") {
			t.keepPhrases()
			kept = true
		}
		if n := len(c.Values[0]); n >= copied && !c.Gone && err == nil {
			err = t.copyRows(ctx, c.Table, c.Names, n, func(dst []any, i int) []any {
				for _, column := range c.Values {
					dst = append(dst, column[i])
				}
				return dst
			})
			return
		}
		arrays := make([]any, len(c.Names))
		for i, values := range c.Values {
			arrays[i] = array(c.Names[i], values)
		}
		t.enqueue(indexStatement(c), arrays...)
	})
	t.ops = t.ops[:0]
	return err
}

// From so many rows, or versions with their bodies, COPY is worth its round
// trips.
const (
	copied         = 1000
	copiedVersions = 250
)

// copyRows sends what is waiting and copies n rows into a table.
func (t *tx) copyRows(ctx context.Context, table string, columns []string, n int, row func(dst []any, i int) []any) error {
	t.begin()
	if err := t.send(ctx); err != nil {
		return err
	}
	values := make([]any, 0, len(columns))
	_, err := t.conn.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		values = row(values[:0], i)
		return values, nil
	}))
	return err
}

// array gives the values their type, which all have in common.
func array(name string, values []any) any {
	if optional(name) {
		out := make([]*float64, len(values))
		for i, v := range values {
			if f, ok := v.(float64); ok {
				out[i] = &f
			}
		}
		return out
	}
	switch values[0].(type) {
	case int64:
		return typed[int64](values)
	case float64:
		return typed[float64](values)
	}
	return typed[string](values)
}

// optional says whether a column may be NULL.
func optional(name string) bool { return name == "hi" || name == "value" || name == "chi" }

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
	if optional(name) {
		return "double precision"
	}
	switch value.(type) {
	case float64:
		return "double precision"
	case string:
		return "text"
	}
	switch name {
	case "param", "phrase", "system", "psystem", "unit", "cunit", "part", "entry":
		return "integer"
	case "sorts":
		return "smallint"
	}
	return "bigint"
}
