package sqldb

import (
	"context"
	"strconv"
	"strings"
)

// A DB runs one query. Both a pool and a transaction are one.
type DB interface {
	// Query runs sql, whose parameters are written as the dialect has them.
	// The caller closes the rows before it runs another query on the same
	// transaction.
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
}

// Shortener is a DB that has another way for queries that take no longer than a
// few milliseconds and have few rows.
type Shortener interface {
	DB
	// Short returns a DB for such queries.
	Short() DB
}

// short is db for a short query.
func short(db DB) DB {
	if s, ok := db.(Shortener); ok {
		return s.Short()
	}
	return db
}

// Execer is a DB that also writes.
type Execer interface {
	DB
	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
}

// Rows is a result being read. Scan's destinations are pointers to int64,
// float64, string, []byte (nil for NULL) and any (int64, float64, string, or
// nil for NULL).
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Dialect is what differs between the databases' SQL.
type Dialect struct {
	// Numbered says that parameters are $1, $2 instead of ?.
	Numbered bool
	// Join is the join that keeps the written order, where there is one;
	// Lateral says that instead a subquery of its own does.
	Join    string
	Lateral bool
	// Position is the function that finds a text in another, counting from 1; Concat
	// joins the texts of a group.
	Position, Concat string
	// Phrases selects the phrases that a search for words finds; its parameter
	// is what Sequence makes of words in a row, of the last of which, if begun,
	// only the beginning is there; OrElse stands between alternatives.
	Phrases  string
	Sequence func(words []string, begun bool) string
	OrElse   string
	// Indexed says that FROM may name the index to use.
	Indexed bool
	// SkipLocked ends a select of a row to change, so that concurrent
	// transactions choose different ones.
	SkipLocked string
	// ForUpdate ends a select of rows to change, so that concurrent
	// transactions wait; the alias of the table to lock follows.
	ForUpdate string
}

// SQLite and PostgreSQL are the dialects.
var (
	SQLite = Dialect{
		Join: " CROSS JOIN ", Position: "instr", Concat: "group_concat", Indexed: true,
		Phrases: "SELECT rowid FROM phrase_word WHERE phrase_word MATCH ?", Sequence: sqliteSequence, OrElse: " OR ",
	}
	PostgreSQL = Dialect{
		Numbered: true, Join: " JOIN ", Lateral: true, Position: "strpos", Concat: "string_agg",
		Phrases: "SELECT p.id FROM phrase p WHERE p.words @@ ?::text::tsquery", Sequence: postgresSequence, OrElse: " | ",
		SkipLocked: " FOR UPDATE SKIP LOCKED", ForUpdate: " FOR UPDATE OF ",
	}
)

// Rebind turns the parameters ? of sql into the dialect's.
func (d Dialect) Rebind(sql string) string {
	if !d.Numbered {
		return sql
	}
	var b strings.Builder
	b.Grow(len(sql) + 2*strings.Count(sql, "?"))
	for n := 1; ; n++ {
		i := strings.IndexByte(sql, '?')
		if i < 0 {
			break
		}
		b.WriteString(sql[:i])
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		sql = sql[i+1:]
	}
	b.WriteString(sql)
	return b.String()
}

// lock ends a select of rows that are to change.
func (d Dialect) lock(alias string) string {
	if d.ForUpdate == "" {
		return ""
	}
	return d.ForUpdate + alias
}

// with joins the rows of a table that belong to each row so far: in the written
// order, by an index. Without that PostgreSQL, which knows little of a table
// that has just been filled, may walk a whole table for a page of twenty.
func (d Dialect) with(table, alias, index, on string) string {
	if d.Lateral {
		return " CROSS JOIN LATERAL (SELECT " + alias + ".* FROM " + table + " " + alias + " WHERE " + on + " OFFSET 0) " + alias
	}
	from := table + " " + alias
	if index != "" {
		from += d.by(index)
	}
	return d.Join + from + " ON " + on
}

// exists says that the subquery has a row; it is asked for each row of the
// query around it, not turned into a join: SQLite would ask for all other conditions
// before that.
func (d Dialect) exists(subquery ...fragment) fragment {
	end := " LIMIT 1)"
	if d.Lateral {
		end = " OFFSET 0)"
	}
	return join("", append(append([]fragment{sql("EXISTS (")}, subquery...), sql(end))...)
}

// among says that column is one of the values of a subquery, so that an index on
// column can find them.
func (d Dialect) among(column string, subquery fragment) fragment {
	if d.Lateral {
		return join("", sql(column+" = ANY (ARRAY("), subquery, sql("))"))
	}
	return join("", sql(column+" IN ("), subquery, sql(")"))
}

// fenced is a subquery whose columns are computed once.
func (d Dialect) fenced(subquery fragment) fragment {
	return join("", sql("("), subquery, d.fence(), sql(")"))
}

// fence ends a subquery that is not made one with the query around it.
func (d Dialect) fence() fragment {
	if d.Lateral {
		return sql(" OFFSET 0")
	}
	return sql(" LIMIT -1")
}

// whole is a subquery that is found by its own conditions: the order that the
// query around it wants must not choose the index.
func (d Dialect) whole(subquery fragment) fragment {
	if d.Lateral {
		return d.fenced(subquery)
	}
	return join("", sql("("), subquery, sql(")"))
}

// by names the index to use for a table, where the dialect can.
func (d Dialect) by(index string) string {
	if d.Indexed {
		return " INDEXED BY " + index
	}
	return ""
}

// unindexed has a table read in the order of its rows, where the dialect can say
// so: conditions on types, each with an index, must not choose another.
func (d Dialect) unindexed() string {
	if d.Indexed {
		return " NOT INDEXED"
	}
	return ""
}
