package sqldb

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// sortKey is one key of the order: a value of each resource, NULL without one.
type sortKey struct {
	desc bool
	kind valueKind
	// value is the key of the resource row alias r.
	value func(r string) fragment
	// joined is a table of values to join, for keys that no index on rid
	// gives; its condition belongs to ON.
	joined fragment
	// walk is the index table to walk in this key's order: its column and the
	// condition that a row holds its resource's value; nil when there is none.
	walk *walk
	// ofRow says that the value is in the resource's row, and more than its rid
	// is needed for it.
	ofRow bool
}

type valueKind uint8

const (
	intValue valueKind = iota
	floatValue
	textValue
)

type walk struct {
	table, column string
	param         int64
	search        search.Param
	first         string // condition on @: no row of the resource comes before it; "" where it has one row
}

func (c *compiler) sortKeys(keys []search.SortKey) []sortKey {
	out := make([]sortKey, len(keys))
	for i, k := range keys {
		out[i] = c.sortKey(k)
	}
	return out
}

func (c *compiler) sortKey(k search.SortKey) sortKey {
	s := sortKey{desc: k.Desc}
	switch k.Param.Code {
	case "_lastUpdated":
		s.ofRow = true
		s.value = func(r string) fragment { return sql(r + ".updated") }
		return s
	case "_id":
		s.kind, s.ofRow = textValue, true
		s.value = func(r string) fragment { return sql(r + ".id") }
		return s
	}
	ids := c.params(k.Param)
	switch k.Param.Kind {
	case definitions.SearchDate:
		c.indexed(&s, k, ids, "date", "lo", "span")
	case definitions.SearchString:
		s.kind = textValue
		c.indexed(&s, k, ids, "string", "norm", "text")
	case definitions.SearchNumber:
		s.kind = floatValue
		c.indexed(&s, k, ids, "number", "value", "")
	case definitions.SearchQuantity:
		s.kind = floatValue
		s.value = func(r string) fragment {
			x := c.alias("x")
			return c.extremeOf(k.Desc, "coalesce("+x+".value, "+x+".lo)", join("", sql(" FROM quantity "+x+c.dialect.by("quantity_rid")+
				" WHERE "+x+".rid = "+r+".rid AND "+x+".sorts = 1 AND "), in(x+".param", ids)))
		}
	case definitions.SearchURI:
		s.kind = textValue
		c.indexed(&s, k, ids, "uri", "url", "")
	case definitions.SearchReference:
		s.kind = textValue
		s.value = func(r string) fragment { return c.referenceValue(r, k.Param, k.Desc) }
	case definitions.SearchToken:
		s.kind = textValue
		a := c.alias("s")
		s.joined = join("", sql(" LEFT JOIN (SELECT rid, "+extreme(k.Desc)+"(code) AS code FROM token WHERE code <> '' AND "),
			in("param", ids), sql(" GROUP BY rid) "+a+" ON "+a+".rid = "))
		s.value = func(string) fragment { return sql(a + ".code") }
	default:
		s.value = func(string) fragment { return sql("NULL") }
	}
	return s
}

func extreme(desc bool) string {
	if desc {
		return "max"
	}
	return "min"
}

// extremeOf is the least or greatest value of a resource's few rows. PostgreSQL
// is kept from walking the parameter's whole index in the order of the value
// until it meets the resource.
func (c *compiler) extremeOf(desc bool, value string, from fragment) fragment {
	if c.dialect.Lateral {
		return join("", sql("(SELECT "+extreme(desc)+"(y.v) FROM "), c.dialect.fenced(join("", sql("SELECT "+value+" AS v"), from)), sql(" y)"))
	}
	return join("", sql("(SELECT "+extreme(desc)+"("+value+")"), from, sql(")"))
}

// indexed is a key whose table has an index on rid. With tie, the table's
// primary key is in the order of column, then rid, then tie.
func (c *compiler) indexed(s *sortKey, k search.SortKey, ids []int64, table, column, tie string) {
	s.value = func(r string) fragment {
		x := c.alias("x")
		return c.extremeOf(k.Desc, x+"."+column, join("", sql(" FROM "+table+" "+x+c.dialect.by(table+"_rid")+
			" WHERE "+x+".rid = "+r+".rid AND "), in(x+".param", ids)))
	}
	if tie == "" || len(ids) != 1 {
		return
	}
	if s.walk = (&walk{table: table, column: column, param: ids[0], search: k.Param}); k.Param.Once {
		return
	}
	before := "<"
	if k.Desc {
		before = ">"
	}
	s.walk.first = not(c.dialect.exists(sql("SELECT 1 FROM " + table + " b" + c.dialect.by(table+"_rid") +
		" WHERE b.rid = @.rid AND b.param = @.param AND (b." + column + " " + before + " @." + column +
		" OR b." + column + " = @." + column + " AND b." + tie + " < @." + tie + ")"))).sql
}

func (c *compiler) referenceValue(r string, p search.Param, desc bool) fragment {
	f, t, n, u, v := c.alias("f"), c.alias("t"), c.alias("n"), c.alias("u"), c.alias("v")
	return join("",
		sql("(SELECT "+extreme(desc)+"("+v+".text) FROM (SELECT "+n+".text || '/' || "+t+".id AS text FROM reference "+f+
			c.dialect.by("reference_rid")+c.dialect.with("resource", t, "", t+".rid = "+f+".target")+
			c.dialect.with("name", n, "", n+".id = "+t+".type")+" WHERE "+f+".rid = "+r+".rid AND "),
		c.linked(p, f, t+".type"),
		sql(" UNION ALL SELECT "+u+".url AS text FROM uri "+u+c.dialect.by("uri_rid")+" WHERE "+u+".rid = "+r+".rid AND "),
		in(u+".param", c.params(p)), sql(") "+v+")"))
}

// orderBy lists the keys k1, k2 ... of relation q, then rid.
func orderBy(q string, keys []sortKey) string {
	s := " ORDER BY "
	for i, k := range keys {
		s += q + "." + keyColumn(i) + direction(k.desc) + " NULLS LAST, "
	}
	return s + q + ".rid"
}

// after is the condition that a row of relation q comes after position p.
func after(q string, keys []sortKey, p position) fragment {
	f := sql(q+".rid > ?", p.rid)
	for i := range slices.Backward(keys) {
		column := q + "." + keyColumn(i)
		value := p.keys[i]
		if value == nil {
			f = join("", sql(column+" IS NULL AND "), f)
			continue
		}
		compare := " > ?"
		if keys[i].desc {
			compare = " < ?"
		}
		f = join("", sql("("+column+" IS NULL OR "+column+compare+" OR "+column+" = ? AND (", value, value), f, sql("))"))
	}
	return f
}
