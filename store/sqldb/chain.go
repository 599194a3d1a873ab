package sqldb

import "github.com/inglehealth/ingle/engine/search"

// chainCondition goes from the resource to what it refers to: "deleted + 0" as
// in idSet.
func (c *compiler) chainCondition(x search.Chain, r string) fragment {
	return c.chained(x, r, func(t string) fragment {
		return c.as(x.Former.Counts(c.former), func() fragment { return c.condition(x.X, t) })
	})
}

// chained is that the resource refers by x to a t for which the condition holds.
func (c *compiler) chained(x search.Chain, r string, condition func(t string) fragment) fragment {
	var holds fragment
	targets := c.toTargets(x, r, func(t string) fragment {
		holds = condition(t)
		return sql("1")
	})
	return c.dialect.exists(targets, sql(" AND "), holds)
}

// toTargets selects something of each t that the resource refers to by x, whatever holds for it.
func (c *compiler) toTargets(x search.Chain, r string, of func(t string) fragment) fragment {
	f, t := c.alias("f"), c.alias("t")
	ofType, args := c.ofTarget(x, t)
	return join("", sql("SELECT "), of(t), sql(" FROM reference "+f+c.dialect.by("reference_rid")+
		c.dialect.with("resource", t, "", t+".rid = "+f+".target"+ofType+" AND "+c.counts(x, r, t))+
		" WHERE "+f+".rid = "+r+".rid AND ", args...), c.linked(x.Param, f, t+".type"))
}

// ofTarget is that the resource row alias t is of a chain's type.
func (c *compiler) ofTarget(x search.Chain, t string) (condition string, args []any) {
	if x.Target == "" {
		return "", nil
	}
	return " AND " + t + ".type = ?", []any{c.typeNumber(x.Target)}
}

func (c *compiler) chainSet(x search.Chain) ([]fragment, bool) {
	return c.chainedSet(x, func(c *compiler) ([]fragment, bool) { return c.set(x.X) })
}

// chainedSet is chainSet where targets are selects of what x.X holds for.
func (c *compiler) chainedSet(x search.Chain, targets func(c *compiler) ([]fragment, bool)) ([]fragment, bool) {
	inner := *c
	inner.types, inner.former = nil, x.Former.Counts(c.former)
	if x.Target != "" {
		inner.types = []int64{c.typeNumber(x.Target)}
	}
	selects, ok := targets(&inner)
	c.takeOver(&inner)
	if !ok {
		return nil, false
	}
	d, f := c.alias("d"), c.alias("f")
	if x.Target == "" || inner.former {
		t, s := c.alias("t"), c.alias("s")
		ofType, args := c.ofTarget(x, t)
		from := sql(") "+d+c.dialect.with("resource", t, "", t+".rid = "+d+".rid"+ofType)+c.dialect.with("reference", f, "", f+".target = "+t+".rid"), args...)
		if inner.former {
			from.sql += c.dialect.with("resource", s, "", s+".rid = "+f+".rid AND "+c.counts(x, s, t))
		}
		return []fragment{join("", sql("SELECT "+f+".rid AS rid FROM ("), join(" UNION ", selects...), from, sql(" WHERE "), c.linked(x.Param, f, t+".type"))}, true
	}
	return []fragment{join("", sql("SELECT "+f+".rid AS rid FROM ("), join(" UNION ", selects...), sql(") "+d), c.ofType(x.X, x.Target, d),
		sql(c.dialect.with("reference", f, "", f+".target = "+d+".rid")+" WHERE "), c.linkedTo(x.Param, f, inner.types[0]))}, true
}
