package sqldb

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// What a search over several types finds may lie in several places: all of some
// types, and of others what refers to one resource. Each place has its resources
// in the order of the result, or they are few, so that a page is the least of the
// first that each of them has.

// A strand selects the resources of one place in an order.
type strand struct {
	source    fragment // FROM: the resource's row is r
	first     string   // alias of the rows that rid is taken from
	condition fragment
}

// merge reads a page from the strands of the driver or another conjunct, or of the
// query's types; done is false when there are none, and nothing was read.
func (r *run) merge(driver int) (done bool, err error) {
	if len(r.types) == 1 || r.query.Looks > 0 {
		return false, nil
	}
	for _, i := range r.mergeable(driver) {
		strands, ok, err := r.strands(r.conjuncts[i])
		if err != nil {
			return false, err
		}
		if ok {
			r.trace.drives(i)
			return true, r.mergeStrands(strands, i)
		}
	}
	types := r.types
	if len(r.keys) > 0 {
		types = r.anyType()
	}
	if driver >= 0 || len(types) == 0 || len(types) > together {
		return false, r.err
	}
	return true, r.mergeStrands(r.typeStrands(types), -1)
}

// mergeable are the numbers of the conjuncts that may have strands: the driver,
// then those that name types, from the last one.
func (r *run) mergeable(driver int) (order []int) {
	if driver >= 0 && (namesTypes(r.conjuncts[driver]) || r.lines(r.conjuncts[driver]) != nil) {
		order = append(order, driver)
	}
	for i, x := range slices.Backward(r.conjuncts) {
		if i != driver && namesTypes(x) {
			order = append(order, i)
		}
	}
	return order
}

// namesTypes says whether an alternative of x is about some types.
func namesTypes(x search.Expr) bool {
	return slices.ContainsFunc(alternatives(x), func(one search.Expr) bool {
		types, _ := typed(one)
		return types != nil
	})
}

// typed takes the types that x is about out of it.
func typed(x search.Expr) (types search.TypeIs, rest search.And) {
	for _, one := range conjuncts(x) {
		if t, ok := one.(search.TypeIs); ok && types == nil {
			types = t
		} else {
			rest = append(rest, one)
		}
	}
	return types, rest
}

// strands are those of the alternatives of x; ok is false when they are too many,
// or an alternative has neither an order nor few resources.
func (r *run) strands(x search.Expr) (strands []strand, ok bool, err error) {
	var sets search.Or
	for _, one := range alternatives(x) {
		types, rest := typed(one)
		numbers := r.among(types)
		if types != nil && len(numbers) == 0 {
			continue
		}
		if rest != nil {
			if _, ok := r.set(rest); ok {
				sets = append(sets, one)
				continue
			}
		}
		if types == nil {
			return nil, false, r.err
		}
		for _, s := range r.typeStrands(numbers) {
			s.condition = all(s.condition, r.condition(rest, "r"))
			strands = append(strands, s)
		}
	}
	of, ok, err := r.setStrands(sets)
	strands = append(strands, of...)
	return strands, ok && len(strands) <= together, err
}

// among are the numbers of those of types that occur and that the query is about.
func (r *run) among(types search.TypeIs) []int64 {
	return slices.DeleteFunc(r.typeNumbers(types), func(t int64) bool {
		return t == Unknown || r.types != nil && !slices.Contains(r.types, t)
	})
}

// typeStrands are one for all resources of each type.
func (r *run) typeStrands(types []int64) []strand {
	index := "resource_type"
	if len(r.keys) > 0 {
		index = "resource_updated"
	}
	strands := make([]strand, len(types))
	for i, t := range types {
		strands[i] = strand{sql("resource r" + r.dialect.by(index)), "r", sql("r.type = ?", t)}
	}
	return strands
}

// setStrands are those of alternatives that have a set: one when it is small, or has
// to be sorted, else one for each line and one for the rest.
func (r *run) setStrands(sets search.Or) (strands []strand, ok bool, err error) {
	if sets == nil {
		return nil, true, nil
	}
	n, _, err := r.reader.estimate(r.compiler, sets)
	if err != nil {
		return nil, false, err
	}
	if n < small || len(r.keys) > 0 {
		return []strand{r.setStrand(sets)}, true, r.err
	}
	var rest search.Or
	for _, one := range sets {
		along := r.lineStrands(one)
		if strands = append(strands, along...); along == nil {
			rest = append(rest, one)
		}
	}
	if rest == nil {
		return strands, true, r.err
	}
	n, _, err = r.reader.estimate(r.compiler, rest)
	return append(strands, r.setStrand(rest)), n < most, err
}

func (r *run) setStrand(sets search.Or) strand {
	selects, _ := r.set(sets)
	return strand{join("", sql("(SELECT DISTINCT rid FROM "), r.dialect.whole(join(" UNION ALL ", selects...)),
		sql(" e) d"+r.dialect.with("resource", "r", "", "r.rid = d.rid"))), "d", fragment{}}
}

// lineStrands are one for each line of a part of x; nil when none has lines.
func (r *run) lineStrands(x search.Expr) (strands []strand) {
	parts := conjuncts(x)
	for i, part := range parts {
		lines := r.lines(part)
		for _, l := range lines {
			condition := []fragment{l.condition.on("d")}
			for j, other := range parts {
				if j != i {
					condition = append(condition, r.condition(other, "r"))
				}
			}
			strands = append(strands, strand{sql(l.table + " d" + r.dialect.with("resource", "r", "", "r.rid = d.rid")), "d", all(condition...)})
		}
		if lines != nil {
			break
		}
	}
	return strands
}

// line is the rows of an index that have one key but for the rid, in whose order
// they are.
type line struct {
	table     string
	condition fragment // on @
}

// lines are those that x is made of; nil when it has others, too.
func (c *compiler) lines(x search.Expr) (lines []line) {
	switch x := x.(type) {
	case search.Or:
		for _, one := range x {
			of := c.lines(one)
			if of == nil {
				return nil
			}
			lines = append(lines, of...)
		}
	case search.Token, search.URI:
		if l, _ := c.leaf(x); l.reach == byKey {
			for _, param := range l.params.args {
				lines = append(lines, line{l.table, all(sql("@.param = ?", param), l.condition)})
			}
		}
	case search.Reference:
		if x.URL != "" || x.Type == "" {
			return nil
		}
		target := c.typeNumber(x.Type)
		for _, k := range c.links(x.Param) {
			if k.target != 0 && k.target != target {
				continue
			}
			for _, param := range k.params {
				lines = append(lines, line{"reference", all(c.target([]int64{target}, x.ID), sql("@.param = ?", param), versionCondition(x, "@.version"))})
			}
		}
	}
	return lines
}

// mergeStrands reads the least of what the strands of conjunct number driver (-1:
// of the types) have, until the page is full: rows that repeat a resource take the
// place of others.
func (r *run) mergeStrands(strands []strand, driver int) error {
	r.trace.way("from several places, each of which has its resources in the order of the result")
	if len(strands) == 0 {
		return nil
	}
	for again := true; again; {
		again = false
		for _, behind := range r.behind() {
			limit := r.left()
			rows, err := r.readPage(r.least(strands, driver, behind), r.keys, false)
			if err != nil || r.full || r.left() <= 0 {
				return err
			}
			if rows == limit {
				r.from, again = &r.positions[len(r.positions)-1], true
				break
			}
		}
	}
	return nil
}

// behind are the ranges behind the position, on the rows r and the alias @ of rid:
// those of the same time, then the later ones, so that an index leads to both.
func (r *run) behind() []fragment {
	switch {
	case r.from == nil:
		return []fragment{{}}
	case len(r.keys) == 0:
		return []fragment{sql("@.rid > ?", r.from.rid)}
	}
	past := " > ?"
	if r.keys[0].desc {
		past = " < ?"
	}
	return []fragment{sql("r.updated = ? AND @.rid > ?", r.from.keys[0], r.from.rid), sql("r.updated"+past, r.from.keys[0])}
}

// least selects the first rows of all strands together.
func (r *run) least(strands []strand, driver int, behind fragment) fragment {
	columns, by := rowColumns, ""
	if len(r.keys) > 0 {
		columns += ", r.updated AS " + keyColumn(0)
		by = keyColumn(0) + direction(r.keys[0].desc) + ", "
	}
	selects := make([]fragment, len(strands))
	for i, s := range strands {
		rid := s.first + ".rid"
		selects[i] = join("", sql("SELECT * FROM (SELECT "+rid+" AS rid"+columns+" FROM "), s.source, sql(" WHERE "),
			all(s.condition, behind.on(s.first), r.where("r", s.first, driver)),
			sql(" ORDER BY "+strings.Replace(by, keyColumn(0), "r.updated", 1)+rid+r.limit()+") "+r.alias("m")))
	}
	return join("", sql("SELECT * FROM ("), join(" UNION ALL ", selects...), sql(") m ORDER BY "+by+"rid"+r.limit()))
}
