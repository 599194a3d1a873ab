package sqldb

import "github.com/inglehealth/ingle/engine/search"

// withinSet gives the resources that refer into a hierarchy. UNION lets each
// resource in once, so that circles end.
func (c *compiler) withinSet(x search.Within) []fragment {
	typeNumber := c.typeNumber(x.Type)
	f, h, t := c.alias("f"), c.alias("h"), c.alias("t")
	start := sql("SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?", typeNumber, Clean(x.ID))
	var step fragment
	from, through := c.through(x, f, h)
	if x.Above {
		step = join("", sql("SELECT "+f+".target FROM "+h+from+c.dialect.with("reference", f, "reference_rid", f+".rid = "+h+".rid")+
			c.dialect.with("resource", t, "", t+".rid = "+f+".target AND "+t+".type = ?")+" WHERE ", typeNumber), c.linked(x.Via, f, t+".type"), through)
	} else {
		step = join("", sql("SELECT "+f+".rid FROM "+h+c.dialect.with("reference", f, "", f+".target = "+h+".rid")+from+" WHERE "),
			c.linkedTo(x.Via, f, typeNumber), through)
	}
	u := c.alias("u")
	return []fragment{join("", sql("SELECT "+u+".rid AS rid FROM (WITH RECURSIVE "+h+" (rid) AS ("), start, sql(" UNION "), step,
		sql(") SELECT "+h+".rid FROM "+h+") w"+u+c.dialect.with("reference", u, "", u+".target = w"+u+".rid")+" WHERE "),
		c.linkedTo(x.Param, u, typeNumber))}
}

// through joins the resource whose reference f is a step from one of h, and says
// what must hold of it.
func (c *compiler) through(x search.Within, f, h string) (from string, condition fragment) {
	if x.Through == nil {
		return "", sql("")
	}
	s, rid := c.alias("s"), f+".rid"
	if x.Above {
		rid = h + ".rid"
	}
	return c.dialect.with("resource", s, "", s+".rid = "+rid), join("", sql(" AND "+s+".deleted = 0 AND "), c.condition(x.Through, s))
}

// linkedTo is linked where all that is referred to is of one type.
func (c *compiler) linkedTo(p search.Param, reference string, target int64) fragment {
	var ways []fragment
	for _, k := range c.links(p) {
		if k.target == 0 || k.target == target {
			ways = append(ways, in(reference+".param", k.params))
		}
	}
	return either(ways...)
}

// isIn is that the resource r is in a set.
func isIn(r string, set []fragment) fragment {
	// IS TRUE keeps PostgreSQL from making a join of it.
	return join("", sql("("+r+".rid IN ("), join(" UNION ALL ", set...), sql(")) IS TRUE"))
}
