package sqldb

import (
	"hash/maphash"
	"strings"
	"unicode/utf8"
)

// fragment is a piece of SQL with the arguments of its parameters, in order.
// In the condition on an index row, @. stands before its columns.
type fragment struct {
	sql  string
	args []any
}

func sql(text string, args ...any) fragment { return fragment{text, args} }

// on puts the alias in.
func (f fragment) on(alias string) fragment {
	return fragment{strings.ReplaceAll(f.sql, "@.", alias+"."), f.args}
}

var keySeed = maphash.MakeSeed()

// key is a number that in this process all but certainly stands for f alone.
func (f fragment) key() uint64 {
	var h maphash.Hash
	h.SetSeed(keySeed)
	h.WriteString(f.sql)
	for _, a := range f.args {
		switch list := a.(type) {
		case []int64:
			for _, n := range list {
				maphash.WriteComparable(&h, n)
			}
			a = len(list)
		case []byte:
			h.Write(list)
			a = len(list)
		}
		maphash.WriteComparable(&h, a)
	}
	return h.Sum64()
}

// join puts fragments together with text between them.
func join(between string, parts ...fragment) fragment {
	var b strings.Builder
	size, count := 0, 0
	for _, p := range parts {
		size += len(p.sql) + len(between)
		count += len(p.args)
	}
	b.Grow(size)
	args := make([]any, 0, count)
	for i, p := range parts {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(p.sql)
		args = append(args, p.args...)
	}
	return fragment{b.String(), args}
}

// all is the conjunction of conditions.
func all(parts ...fragment) fragment {
	kept := parts[:0:0]
	for _, p := range parts {
		if p.sql != "" {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return sql(always)
	}
	return join(" AND ", kept...)
}

// nothing is the condition that never holds, always the one that does.
const (
	nothing = "1 = 0"
	always  = "1 = 1"
)

// any is the disjunction of conditions.
func either(parts ...fragment) fragment {
	if len(parts) == 0 {
		return sql(nothing)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	if n := len(parts); n > together { // SQLite takes no deeper expression than 1000
		return either(either(parts[:n/2]...), either(parts[n/2:]...))
	}
	f := join(" OR ", parts...)
	f.sql = "(" + f.sql + ")"
	return f
}

func not(f fragment) fragment { return fragment{"NOT (" + f.sql + ")", f.args} }

// in says that column is one of values.
func in[T any](column string, values []T) fragment {
	switch len(values) {
	case 0:
		return sql(nothing)
	case 1:
		return sql(column+" = ?", values[0])
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return fragment{column + " IN (?" + strings.Repeat(", ?", len(values)-1) + ")", args}
}

// startsWith says that column begins with prefix, as a range that an index
// can answer.
func startsWith(column, prefix string) fragment {
	if prefix == "" {
		return fragment{}
	}
	from := sql(column+" >= ?", prefix)
	if after, ok := successor(prefix); ok {
		return join(" AND ", from, sql(column+" < ?", after))
	}
	return from
}

// successor is the least text that is greater than every text beginning with
// s; there is none when s is all of the last code point.
func successor(s string) (string, bool) {
	for len(s) > 0 {
		r, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
		switch {
		case r >= utf8.MaxRune:
			continue
		case r+1 == 0xD800:
			r = 0xE000
		default:
			r++
		}
		return s + string(r), true
	}
	return "", false
}
