package sqldb

import (
	"context"
	"slices"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// compiler turns a search tree into conditions and sets of resources.
type compiler struct {
	ctx     context.Context
	db      DB
	names   *Names
	dialect Dialect
	types   []int64 // of the query, nil for all
	aliases int
	size    func(search.Expr) (n int64, ok bool) // how many resources x holds of, up to its bound; nil: unknown
	ids     []string                             // of the resources that the query names, if it does
	found   map[string][]int64                   // what rids looked up
	phrases map[uint64][]int64                   // what phraseLeaf looked up
	lists   []*search.CodeList                   // that the query has from the tables
	err     error                                // the first failed look-up of a name
	seen    *sightings                           // of names
	age     int64                                // of these, before any was looked up
	trace   *Trace                               // nil unless the search is to be explained

	timeless  bool // Governed nodes get their time later: see standing
	momentary bool // what is made depends on what the tables have now
	sparing   bool // the condition is asked of few resources
	former    bool // it is asked of deleted resources, too, as they were before: see former.go

	settled  *settled // nil unless policies are known
	policies *policyMemory

	basis                // what the conditions made so far depend on
	looked    bool       // whether there is Governing
	governing *Governing // see memory
}

func (c *compiler) alias(letter string) string {
	c.aliases++
	return letter + strconv.Itoa(c.aliases)
}

// condition says of the resource row alias r that x holds.
func (c *compiler) condition(x search.Expr, r string) fragment {
	switch x := x.(type) {
	case nil:
		return sql(always)
	case search.And:
		parts := make([]fragment, len(x))
		for i, e := range x {
			parts[i] = c.condition(e, r)
		}
		return all(parts...)
	case search.Or:
		if l, ok := c.leaf(x); ok {
			return c.leafCondition(l, r)
		}
		var parts []fragment
		for _, e := range x {
			if !c.none(e) {
				parts = append(parts, c.condition(e, r))
			}
		}
		return either(parts...)
	case search.Not:
		if c.none(x.X) {
			return sql(always)
		}
		if set, ok := c.fewOf(x.X); ok {
			return not(isIn(r, set))
		}
		return not(c.apart(x.X, r))
	case search.TypeIs:
		return in(r+".type", c.typeNumbers(x))
	case search.IDs:
		return in(r+".id", []string(x))
	case search.LastUpdated:
		return dateCondition(x.Prefix, r+".updated", "("+r+".updated + 1)", x.Range.Lo, x.Range.Hi)
	case search.Missing:
		return c.missing(x, r)
	case search.Chain:
		return c.chainCondition(x, r)
	case search.Has:
		return c.as(false, func() fragment { return c.hasCondition(x, r) })
	case search.Within:
		return c.as(false, func() fragment { return isIn(r, c.withinSet(x)) })
	case search.Referred:
		return c.as(false, func() fragment { return c.referredCondition(x, r) })
	case search.Beside:
		return c.besideCondition(x, r)
	case search.Governed:
		return c.governedCondition(x, r)
	case search.Standing:
		return c.standing(x, r)
	}
	l, ok := c.leaf(x)
	if !ok {
		return sql(nothing)
	}
	return c.leafCondition(l, r)
}

// listed is how many resources are looked up at once rather than asked after one by
// one.
const listed = 200

// fewOf is the set of resources that x holds of, whatever their types, if they are
// few: what is rare, such as a security label, is so looked up once and not for each
// resource.
func (c *compiler) fewOf(x search.Expr) ([]fragment, bool) {
	if c.size == nil || c.former || !rare(x) {
		return nil, false
	}
	timeless := c.timeless
	c.timeless = false
	n, ok := c.size(search.At(x, 0)) // not of each moment anew
	if c.timeless = timeless; !ok || n > listed {
		return nil, false
	}
	return c.set(x)
}

// apart is the condition of x, of whose alternatives those that are few are looked up
// at once.
func (c *compiler) apart(x search.Expr, r string) fragment {
	any, ok := x.(search.Or)
	if _, is := c.leaf(x); !ok || is || c.size == nil {
		return c.condition(x, r)
	}
	var parts, sets []fragment
	for _, e := range any {
		if c.none(e) {
			continue
		}
		if set, ok := c.fewOf(e); ok {
			sets = append(sets, set...)
		} else {
			parts = append(parts, c.condition(e, r))
		}
	}
	if sets != nil {
		parts = append(parts, isIn(r, c.few(sets)))
	}
	return either(parts...)
}

// rare says whether x may hold of few, and its set is one of any type. What governs a
// resource is asked of each.
func rare(x search.Expr) bool {
	switch x := x.(type) {
	case search.Or:
		return len(x) > 0 && !slices.ContainsFunc(x, func(e search.Expr) bool { return !rare(e) })
	case search.And:
		return slices.ContainsFunc(x, rare) && !slices.ContainsFunc(x, governs)
	case search.Chain:
		return rare(x.X)
	case search.Token, search.Codes:
		return true
	}
	return false
}

// governs says whether x asks what governs a resource, which is known of each.
func governs(x search.Expr) bool {
	_, ok := x.(search.Governed)
	return ok
}

func (c *compiler) leafCondition(l leaf, r string) fragment {
	if l.reach == bySet {
		return isIn(r, c.leafSet(l))
	}
	a := c.alias("x")
	from := l.table + " " + a
	if l.reach == byRID {
		from += c.dialect.by(l.table + "_rid")
	}
	return c.dialect.exists(sql("SELECT 1 FROM "+from+" WHERE "+a+".rid = "+r+".rid AND "), all(l.params, l.condition).on(a))
}

// missing looks at the outline that the resource's row names. To find the outlines is a
// walk over all, which few resources with an entry need not wait for.
func (c *compiler) missing(x search.Missing, r string) fragment {
	var has []fragment
	for _, id := range c.params(x.Param) {
		has = append(has, sql(c.dialect.Position+"(n.text, ?) > 0", ","+strconv.FormatInt(id, 10)+":"))
	}
	outlines := func(in string) fragment {
		return join("", sql("("+r+".outline "+in+" (SELECT n.id FROM name n WHERE n.space = ? AND ", int64(OutlineSpace)), either(has...), sql(")) IS TRUE"))
	}
	switch {
	case c.sparing && x.Want && x.Param.Kind == definitions.SearchDate:
		entry := c.leafCondition(c.named(x.Param, "date", fragment{}, byRID), r)
		return all(not(entry), outlines("NOT IN"))
	case x.Want:
		return outlines("NOT IN")
	}
	return outlines("IN")
}

// hasCondition goes from the resource to those that refer to it.
func (c *compiler) hasCondition(x search.Has, r string) fragment {
	f, s := c.alias("f"), c.alias("s")
	return c.dialect.exists(
		sql("SELECT 1 FROM reference "+f+c.dialect.with("resource", s, "", s+".rid = "+f+".rid")+" WHERE "+f+".target = "+r+".rid AND "),
		c.linked(x.Param, f, r+".type"),
		sql(" AND "+s+".type = ? AND ", c.typeNumber(x.Source)), c.condition(x.X, s))
}

// set gives selects of the rids of all resources for which x holds, perhaps
// with repetition; ok is false when that needs a walk over all resources.
// The selects' one column is rid.
func (c *compiler) set(x search.Expr) (selects []fragment, ok bool) {
	if c.former && !indexed(x) {
		return nil, false
	}
	switch x := x.(type) {
	case search.And:
		return c.andSet(x)
	case search.Or:
		if l, ok := c.leaf(x); ok {
			return c.leafSet(l), true
		}
		for _, e := range x {
			s, ok := c.set(e)
			if !ok {
				return nil, false
			}
			selects = append(selects, s...)
		}
		return c.few(selects), len(selects) > 0
	case search.TypeIs:
		return c.typeSet(x), true
	case search.IDs:
		return c.idSet(x), true
	case search.LastUpdated:
		return c.updatedSet(x), true
	case search.Chain:
		return c.chainSet(x)
	case search.Has:
		return c.hasSet(x)
	case search.Within:
		return c.withinSet(x), true
	case search.Referred:
		return c.referredSet(x)
	case search.Governed:
		if x.Lacking || x.Kinds != nil {
			return nil, false
		}
		return c.governedSet(x), true
	}
	l, ok := c.leaf(x)
	if !ok {
		return nil, false
	}
	return c.leafSet(l), true
}

func (c *compiler) leafSet(l leaf) []fragment {
	ranges := l.ranges
	if ranges == nil {
		ranges = spans(l.condition)
	}
	selects := make([]fragment, len(ranges))
	for i, f := range ranges {
		a := c.alias("x")
		selects[i] = join("", sql("SELECT "+a+".rid AS rid FROM "+l.table+" "+a+" WHERE "), all(l.params, f.fragment).on(a))
	}
	return c.few(selects)
}

// together is how many selects stand in one UNION: SQLite takes at most 500.
const together = 100

// few puts many selects into few.
func (c *compiler) few(selects []fragment) []fragment {
	if len(selects) <= together {
		return selects
	}
	var out []fragment
	for some := range slices.Chunk(selects, together) {
		u := c.alias("u")
		out = append(out, join("", sql("SELECT "+u+".rid AS rid FROM "), c.dialect.fenced(join(" UNION ALL ", some...)), sql(" "+u)))
	}
	return c.few(out)
}

// andSet drives by the first part that has a set, or if there is no other by the
// types, and asks the rest of each resource in it.
func (c *compiler) andSet(x search.And) ([]fragment, bool) {
	inner := *c
	if i := slices.IndexFunc(x, isTypes); i >= 0 && c.types == nil {
		inner.types = c.typeNumbers(x[i].(search.TypeIs))
	}
	defer c.takeOver(&inner)
	return inner.driven(x)
}

func isTypes(x search.Expr) bool {
	_, is := x.(search.TypeIs)
	return is
}

func (c *compiler) driven(x search.And) ([]fragment, bool) {
	for _, byType := range []bool{false, true} {
		for i, e := range x {
			if isTypes(e) != byType {
				continue
			}
			selects, ok := c.set(e)
			if !ok {
				continue
			}
			if len(x) == 1 {
				return selects, true
			}
			rest := append(append(search.And{}, x[:i]...), x[i+1:]...)
			r, d := c.alias("r"), c.alias("d")
			return []fragment{join("", sql("SELECT "+r+".rid AS rid FROM ("), join(" UNION ", selects...),
				sql(") "+d+c.dialect.with("resource", r, "", r+".rid = "+d+".rid")+" WHERE "), c.condition(rest, r))}, true
		}
	}
	return nil, false
}

// typeSet finds all resources of some types.
func (c *compiler) typeSet(x search.TypeIs) []fragment {
	return []fragment{join("", sql("SELECT rid FROM resource"+c.dialect.by("resource_type")+" WHERE deleted = 0 AND "), in("type", c.typeNumbers(x)))}
}

// idSet finds resources by their key: "deleted + 0" keeps PostgreSQL off the
// partial indexes, which it takes for as good.
func (c *compiler) idSet(x search.IDs) []fragment {
	return []fragment{join("", sql("SELECT rid FROM resource WHERE deleted + 0 = 0 AND "),
		in("type", c.anyType()), sql(" AND "), in("id", []string(x)))}
}

func (c *compiler) updatedSet(x search.LastUpdated) []fragment {
	return []fragment{join("", sql("SELECT rid FROM resource WHERE deleted = 0 AND "), in("type", c.anyType()), sql(" AND "),
		updatedCondition(x))}
}

// updatedCondition is dateCondition of the one entry [updated, updated + 1),
// in a form that bounds the column.
func updatedCondition(x search.LastUpdated) fragment {
	lo, hi := x.Range.Lo, x.Range.Hi
	switch x.Prefix {
	case search.EQ, search.AP:
		return sql("updated >= ? AND updated < ?", lo, hi)
	case search.NE:
		return sql("(updated < ? OR updated >= ?)", lo, hi)
	case search.GT, search.SA:
		return sql("updated >= ?", hi)
	case search.LT, search.EB:
		return sql("updated < ?", lo)
	case search.GE:
		return sql("updated >= ?", lo)
	case search.LE:
		return sql("updated < ?", hi)
	case search.CO:
		return sql("updated <= ? AND updated >= ?", lo, hi-1)
	}
	return sql(nothing)
}

// ofType joins to resources d, for which x holds, those rows that are of a type,
// unless all are.
func (c *compiler) ofType(x search.Expr, resourceType, d string) fragment {
	if typeOf(x) == resourceType {
		return fragment{}
	}
	s := c.alias("s")
	return sql(c.dialect.with("resource", s, "", s+".rid = "+d+".rid AND "+s+".type = "+strconv.FormatInt(c.typeNumber(resourceType), 10)))
}

// takeOver notes what inner, a copy of c, noted.
func (c *compiler) takeOver(inner *compiler) {
	c.aliases, c.err, c.lists, c.basis, c.momentary = inner.aliases, inner.err, inner.lists, inner.basis, inner.momentary
}

func (c *compiler) hasSet(x search.Has) ([]fragment, bool) {
	inner := *c
	inner.types = []int64{c.typeNumber(x.Source)}
	selects, ok := inner.set(x.X)
	c.takeOver(&inner)
	if !ok {
		return nil, false
	}
	d, f, t := c.alias("d"), c.alias("f"), c.alias("t")
	return []fragment{join("", sql("SELECT "+t+".rid AS rid FROM ("), join(" UNION ", selects...), sql(") "+d), c.ofType(x.X, x.Source, d),
		sql(c.dialect.with("reference", f, "reference_rid", f+".rid = "+d+".rid")+
			c.dialect.with("resource", t, "", t+".rid = "+f+".target AND "+t+".deleted = 0")+" WHERE "), c.linked(x.Param, f, t+".type"))}, true
}

// anyType is the query's types, or all there are.
func (c *compiler) anyType() []int64 {
	if c.types != nil {
		return c.types
	}
	return c.allTypes()
}

func (c *compiler) allTypes() []int64 { return c.every("") }

func (c *compiler) typeNumber(t string) int64 {
	id := c.number(TypeSpace, t, c.names.Ask)
	c.trace.named(id, t)
	return id
}

func (c *compiler) typeNumbers(ts []string) []int64 {
	ids := make([]int64, len(ts))
	for i, t := range ts {
		ids[i] = c.typeNumber(t)
	}
	return ids
}

// knownTypes is typeNumbers without those that nothing uses, if some are used.
func (c *compiler) knownTypes(ts []string) []int64 {
	ids := slices.DeleteFunc(c.typeNumbers(ts), func(id int64) bool { return id == Unknown })
	if len(ids) == 0 {
		return []int64{Unknown}
	}
	return ids
}

func (c *compiler) system(uri string) int64 {
	if uri == "" {
		return NoSystem
	}
	find := c.names.Find
	if slices.Contains(search.LabelSystems, uri) {
		find = c.names.Ask
	}
	id := c.number(SystemSpace, uri, find)
	c.trace.named(id, uri)
	return id
}

func (c *compiler) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}
