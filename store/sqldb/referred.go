package sqldb

import (
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// fewReferrers are so many that each may be asked; longAsked is how long the text of what
// they are asked is, in bytes, where it is not to stand in a statement twice.
const (
	fewReferrers = 30
	longAsked    = 20_000
)

// referredCondition goes from the resource to whatever refers to it, if that is
// little, else looks for it among all that x refers to: thousands may refer to what
// is shared. What is long is asked of each.
func (c *compiler) referredCondition(x search.Referred, r string) fragment {
	f, s := c.alias("f"), c.alias("s")
	each := c.dialect.exists(
		sql("SELECT 1 FROM reference "+f+c.dialect.with("resource", s, "", s+".rid = "+f+".rid")+" WHERE "+
			f+".target = "+r+".rid AND "+s+".deleted = 0 AND "), c.condition(x.X, s))
	if len(each.sql) > longAsked {
		return each
	}
	set, ok := c.referredSet(x)
	if !ok {
		return each
	}
	return join("", sql("CASE WHEN "), c.manyRefer(r), sql(" THEN "), isIn(r, set), sql(" ELSE "), each, sql(" END"))
}

// manyRefer is that more refer to the resource than are each to be asked.
func (c *compiler) manyRefer(r string) fragment {
	g := c.alias("g")
	return sql("(SELECT count(*) FROM (SELECT 1 FROM reference " + g + " WHERE " + g + ".target = " + r + ".rid LIMIT " + strconv.Itoa(fewReferrers) + ") n) = " + strconv.Itoa(fewReferrers))
}

// referredSet goes from the resources that satisfy x.X, of whatever type, to
// those that they refer to.
func (c *compiler) referredSet(x search.Referred) ([]fragment, bool) {
	inner := *c
	inner.types = nil
	selects, ok := inner.set(x.X)
	c.takeOver(&inner)
	if !ok {
		return nil, false
	}
	d, f, t := c.alias("d"), c.alias("f"), c.alias("t")
	return []fragment{join("", sql("SELECT "+t+".rid AS rid FROM ("), join(" UNION ", selects...),
		sql(") "+d+c.dialect.with("reference", f, "reference_rid", f+".rid = "+d+".rid")+
			c.dialect.with("resource", t, "", t+".rid = "+f+".target AND "+t+".deleted = 0")))}, true
}
