package sqlite

import (
	"slices"
	"strings"
)

// touchedFunction is the SQL function that counts its calls and is always true.
const touchedFunction = "ingle_touched"

// rowNumbers are a column of each table that searches read, one that every index
// on it has, so that no plan changes because it is asked for.
var rowNumbers = map[string]string{
	"token": "rid", "reference": "rid", "string": "rid", "date": "rid", "number": "rid", "quantity": "rid", "uri": "rid", "composite": "rid",
	"position": "rid", "phrase_use": "rid", "resource": "rid", "version": "seq", "name": "id", "unit": "id", "phrase": "id",
	"governed": "patient", "phrase_word": "rowid", "code_list": "id", "listed_code": "list",
}

// counted puts before the conditions of each SELECT of a query one for each of
// its tables, which counts the rows that are read of it; ok is false when it
// reads another table. The query is one that package sqldb writes.
func counted(query string) (text string, ok bool) {
	r := rewriting{left: words(query), selects: []sources{{}}, ok: true}
	for len(r.left) > 0 && r.ok {
		r.word(r.take())
	}
	if !r.ok {
		return "", false
	}
	r.end()
	return r.out.String(), true
}

// touched is the condition that counts rows by a column. It is sure to hold, so
// that the planner does not expect fewer rows because of it.
func touched(column string) string { return "likelihood(" + touchedFunction + "(" + column + "), 1.0)" }

// rewriting is a query on its way.
type rewriting struct {
	left    []string
	out     strings.Builder
	selects []sources // that are open, one for each parenthesis
	ok      bool
}

// sources are what a SELECT reads, until its conditions begin.
type sources struct {
	columns []string
	done    bool // the conditions are written
}

func (r *rewriting) take() string {
	w := r.left[0]
	r.left = r.left[1:]
	return w
}

func (r *rewriting) open() *sources { return &r.selects[len(r.selects)-1] }

func (r *rewriting) word(w string) {
	switch w {
	case "(":
		r.selects = append(r.selects, sources{})
	case ")":
		r.end()
		if r.selects = r.selects[:len(r.selects)-1]; len(r.selects) == 0 {
			r.ok = false
			return
		}
	case "ORDER", "GROUP", "LIMIT":
		r.end()
	case "UNION":
		r.end()
		*r.open() = sources{}
	case "FROM", "JOIN":
		r.out.WriteString(w)
		r.table()
		return
	case "WHERE":
		s := r.open()
		r.out.WriteString(w)
		for _, c := range s.columns {
			r.out.WriteString(" " + touched(c) + " AND")
		}
		s.columns, s.done = nil, true
		return
	}
	r.out.WriteString(w)
}

// end gives a SELECT without conditions those that count.
func (r *rewriting) end() {
	s := r.open()
	if !s.done {
		for i, c := range s.columns {
			r.out.WriteString([]string{" WHERE ", " AND "}[min(i, 1)] + touched(c) + " ")
		}
	}
	s.columns, s.done = nil, true
}

// table reads the table after FROM or JOIN, with its alias.
func (r *rewriting) table() {
	next := func() string {
		for len(r.left) > 0 && r.left[0] == " " {
			r.out.WriteString(r.take())
		}
		if len(r.left) == 0 || !name(r.left[0]) {
			return ""
		}
		return r.left[0]
	}
	table := next()
	if table == "" {
		return // a SELECT in parentheses
	}
	r.out.WriteString(r.take())
	column, known := rowNumbers[table]
	alias := next()
	switch {
	case alias == "" || slices.Contains(keywords, alias):
		alias = table
	default:
		r.out.WriteString(r.take())
	}
	if known {
		r.open().columns = append(r.open().columns, alias+"."+column)
	} else if !strings.ContainsAny(table, "0123456789") { // what WITH names has a number
		r.ok = false
	}
}

// keywords may come after a table that has no alias.
var keywords = []string{"WHERE", "ON", "CROSS", "LEFT", "JOIN", "INDEXED", "NOT", "ORDER", "GROUP", "LIMIT", "UNION"}

func name(w string) bool {
	c := w[0] | 0x20
	return c >= 'a' && c <= 'z' || c == '_'
}

// words takes a query apart: names and numbers, texts in quotes, and single
// characters.
func words(query string) []string {
	inName := func(c byte) bool {
		return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	var out []string
	for i := 0; i < len(query); {
		end := i + 1
		switch c := query[i]; {
		case c == '\'':
			for end < len(query) && query[end] != '\'' {
				end++
			}
			end = min(end+1, len(query))
		case inName(c):
			for end < len(query) && inName(query[end]) {
				end++
			}
		}
		out = append(out, query[i:end])
		i = end
	}
	return out
}
