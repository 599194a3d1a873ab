package sqldb

import (
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/inglehealth/ingle/engine/search"
)

// reach says how a table finds the rows of one resource that satisfy a leaf.
type reach uint8

const (
	byKey reach = iota // the primary key's columns before rid are fixed
	byRID              // by the table's index on rid
	bySet              // not at all: the set of resources has to be made
)

// leaf is a comparison with one index table.
type leaf struct {
	table     string
	params    fragment // on @.param
	condition fragment // on the row, besides params
	ranges    []span   // alternatives that together are condition, each good for an index; nil: condition
	reach     reach
	// exact says that rows come from the primary key in the order of rid, those
	// of one resource behind each other.
	exact bool
}

// span is a condition that an index answers: the table's primary key, or when it
// is wide the index of entries that are not points.
type span struct {
	fragment
	wide bool
	unit int64 // the one unit of its rows, 0 if that is not known
}

// spans are spans of the primary key.
func spans(conditions ...fragment) []span {
	out := make([]span, len(conditions))
	for i, f := range conditions {
		out[i].fragment = f
	}
	return out
}

// leaf translates a leaf of the tree; ok is false for other nodes.
func (c *compiler) leaf(x search.Expr) (l leaf, ok bool) {
	switch x := x.(type) {
	case search.Token:
		l = c.tokenLeaf(x)
	case search.Codes:
		l = c.codesLeaf(x)
	case search.Text:
		l = c.textLeaf(x)
	case search.Sequence:
		l = c.sequenceLeaf(x)
	case search.String:
		l = c.named(x.Param, "string", c.textCondition("@.norm", "@.text", x), byRID)
	case search.Date:
		l = c.named(x.Param, "date", dateCondition(x.Prefix, "@.lo", dateHi, x.Range.Lo, x.Range.Hi), byRID)
		l.ranges = dateRanges(x.Prefix, x.Range)
	case search.Number:
		l = c.named(x.Param, "number", numberCondition(x.Prefix, "@.lo", "@.hi", x.Range), byRID)
		l.ranges = numberRanges(x.Prefix, x.Range, "@.hi", isWide)
	case search.Quantity:
		l = c.quantityLeaf(x)
	case search.URI:
		l = c.uriLeaf(x)
	case search.Reference:
		if x.URL != "" {
			l = c.urlLeaf(x)
		} else {
			l = c.referenceLeaf(x, x.Type)
		}
	case search.Or:
		if first, codes, ok := sameToken(x); ok {
			l = c.tokensLeaf(first, codes)
			break
		}
		first, types, ok := sameReference(x)
		if !ok {
			return leaf{}, false
		}
		l = c.referenceLeaf(first, types...)
	case search.Composite:
		l = c.compositeLeaf(x)
	case search.Near:
		l = c.nearLeaf(x)
	case search.Other:
		return c.otherLeaf(x)
	default:
		return leaf{}, false
	}
	return l, true
}

// named begins a leaf.
func (c *compiler) named(p search.Param, table string, condition fragment, r reach) leaf {
	return leaf{table: table, params: in("@.param", c.params(p)), condition: condition, reach: r}
}

func (c *compiler) tokenLeaf(x search.Token) leaf {
	l := c.named(x.Param, "token", fragment{}, byKey)
	switch {
	case x.AnyCode:
		l.condition = sql("@.system = ?", c.system(x.System))
		l.reach = bySet
	case x.Start:
		l.condition = startsWith("@.code", Clean(x.Code))
		l.reach = bySet
	case x.AnySystem:
		l.condition = sql("@.code = ?", Clean(x.Code))
	default:
		l.condition = sql("@.code = ? AND @.system = ?", Clean(x.Code), c.system(x.System))
	}
	l.exact = !x.AnyCode && !x.Start && len(l.params.args) == 1
	return l
}

// tokensLeaf is a token with one of several codes.
func (c *compiler) tokensLeaf(x search.Token, codes []string) leaf {
	for i := range codes {
		codes[i] = Clean(codes[i])
	}
	return c.named(x.Param, "token", all(in("@.code", codes), sql("@.system = ?", c.system(x.System))), byKey)
}

// sameToken takes an Or of tokens of one parameter and system with a code each.
func sameToken(x search.Or) (first search.Token, codes []string, ok bool) {
	for i, e := range x {
		t, ok := e.(search.Token)
		if !ok || t.AnySystem || t.AnyCode || t.Start {
			return first, nil, false
		}
		codes = append(codes, t.Code)
		t.Code = ""
		if i > 0 && t != first {
			return first, nil, false
		}
		first = t
	}
	return first, codes, len(x) > 1
}

// sameReference takes an Or of references that differ in the type only, as
// "patient=1" is one where that may be a Patient or a Group.
func sameReference(x search.Or) (first search.Reference, types []string, ok bool) {
	for i, e := range x {
		r, ok := e.(search.Reference)
		if !ok || r.Type == "" || r.URL != "" {
			return first, nil, false
		}
		types = append(types, r.Type)
		r.Type = ""
		if i > 0 && r != first {
			return first, nil, false
		}
		first = r
	}
	return first, types, len(x) > 0
}

// referenceLeaf is a reference to one of types; the one type "" is any.
func (c *compiler) referenceLeaf(x search.Reference, types ...string) leaf {
	l := leaf{table: "reference", reach: byKey}
	var numbers []int64
	if types[0] != "" {
		numbers = c.knownTypes(types)
	} else {
		numbers = c.allTypes()
	}
	var ways []fragment
	for _, k := range c.links(x.Param) {
		among := numbers
		if k.target != 0 {
			if !slices.Contains(numbers, k.target) {
				continue
			}
			among = []int64{k.target}
		}
		params, target := in("@.param", k.params), c.target(among, x.ID)
		ways = append(ways, all(target, params))
		l.exact = len(params.args) == 1 && len(target.args) <= 2
	}
	l.exact = l.exact && len(ways) == 1
	for i := range ways {
		ways[i] = all(ways[i], versionCondition(x, "@.version"))
	}
	l.condition = either(ways...)
	if len(ways) > 1 {
		l.ranges = spans(ways...)
	}
	return l
}

// target is the condition on the target of a reference to the resource of one
// of types that has an id.
func (c *compiler) target(types []int64, id string) fragment {
	if len(types) == 1 {
		return sql("@.target = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?)", types[0], Clean(id))
	}
	return in("@.target", c.rids(types, Clean(id)))
}

// rids are the numbers of the resources of types that have an id.
func (c *compiler) rids(types []int64, id string) []int64 {
	c.momentary = true
	key := fmt.Sprint(types, id)
	rids, known := c.found[key]
	if known {
		return rids
	}
	return c.numbers(key, join("", sql("SELECT rid FROM resource WHERE "), in("type", types), sql(" AND id = ?", id)))
}

// numbers runs a select of one column, and keeps what it found under key.
func (c *compiler) numbers(key string, f fragment) (found []int64) {
	c.fail(ForEach(c.ctx, short(c.db), c.dialect.Rebind(f.sql), f.args, func(r Rows) error {
		var n int64
		err := r.Scan(&n)
		found = append(found, n)
		return err
	}))
	if c.found == nil {
		c.found = map[string][]int64{}
	}
	c.found[key] = found
	return found
}

// urlLeaf is a reference by URL.
func (c *compiler) urlLeaf(x search.Reference) leaf {
	l := c.named(x.Param, "uri", all(sql("@.url = ?", Clean(x.URL)), versionCondition(x, "@.version")), byKey)
	l.exact = len(l.params.args) == 1
	return l
}

// versionCondition is that a reference's version is the one asked for.
func versionCondition(x search.Reference, column string) fragment {
	switch {
	case x.Unversioned:
		return sql(column + " = ''")
	case x.Version == "":
		return fragment{}
	}
	is := sql(column+" = ?", Clean(x.Version))
	if !x.Below {
		return is
	}
	return either(is, startsWith(column, Clean(x.Version)+"."))
}

func (c *compiler) uriLeaf(x search.URI) leaf {
	l := c.named(x.Param, "uri", fragment{}, byRID)
	switch value := Clean(x.Value); x.Mode {
	case search.URIContains:
		l.condition = sql(c.dialect.Position+"(@.url, ?) > 0", value)
	case search.URIBelow:
		below := []fragment{sql("@.url = ?", value)}
		for _, end := range search.SegmentEnds {
			below = append(below, startsWith("@.url", value+string(end)))
		}
		l.condition, l.ranges = either(below...), spans(below...)
	default:
		l.condition, l.reach = sql("@.url = ?", value), byKey
		l.exact = len(l.params.args) == 1
	}
	return l
}

// textCondition compares a string entry's columns.
func (c *compiler) textCondition(norm, text string, x search.String) fragment {
	value := Clean(x.Value)
	switch x.Mode {
	case search.StringContains:
		return sql(c.dialect.Position+"("+norm+", ?) > 0", value)
	case search.StringWords:
		return sql(c.dialect.Position+"(' ' || "+norm+" || ' ', ?) > 0", value)
	case search.StringEquals:
		return sql(norm+" = ?", value)
	case search.StringEnds:
		return sql("substr("+norm+", length("+norm+") - "+strconv.Itoa(utf8.RuneCountInString(value)-1)+") = ?", value)
	case search.StringAbove:
		return sql(norm+" > ?", value)
	case search.StringBelow:
		return sql(norm+" < ?", value)
	case search.StringFrom:
		return sql(norm+" >= ?", value)
	case search.StringUpTo:
		return sql(norm+" <= ?", value)
	case search.StringExact:
		exact := sql(text+" = ?", value)
		if n := search.Normalize(value); len(value) < search.MaxText && len(n) < search.MaxText {
			return all(sql(norm+" = ?", n), exact)
		}
		return exact
	}
	return all(startsWith(norm, value))
}
