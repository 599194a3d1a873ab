package sqldb

import "github.com/inglehealth/ingle/engine/search"

// referredCondition goes from the resource to whatever refers to it.
func (c *compiler) referredCondition(x search.Referred, r string) fragment {
	f, s := c.alias("f"), c.alias("s")
	return c.dialect.exists(
		sql("SELECT 1 FROM reference "+f+c.dialect.with("resource", s, "", s+".rid = "+f+".rid")+" WHERE "+
			f+".target = "+r+".rid AND "+s+".deleted = 0 AND "), c.condition(x.X, s))
}

// referredSet goes from the resources that satisfy x.X, of whatever type, to
// those that they refer to.
func (c *compiler) referredSet(x search.Referred) ([]fragment, bool) {
	inner := *c
	inner.types = nil
	selects, ok := inner.set(x.X)
	c.aliases, c.err, c.lists = inner.aliases, inner.err, inner.lists
	if !ok {
		return nil, false
	}
	d, f, t := c.alias("d"), c.alias("f"), c.alias("t")
	return []fragment{join("", sql("SELECT "+t+".rid AS rid FROM ("), join(" UNION ", selects...),
		sql(") "+d+c.dialect.with("reference", f, "reference_rid", f+".rid = "+d+".rid")+
			c.dialect.with("resource", t, "", t+".rid = "+f+".target AND "+t+".deleted = 0")))}, true
}
