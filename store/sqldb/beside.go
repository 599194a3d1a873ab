package sqldb

import (
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// besideCondition asks x.X once of all that goes along with the resource, since it may be
// long: of what this tells about, and of what refers to this or that.
func (c *compiler) besideCondition(x search.Beside, r string) fragment {
	o, s := c.alias("o"), c.alias("s")
	along := c.typeNumber(x.Type)
	with, few := c.fewCandidates(x.X)
	ways := c.referring(x, r, "", fragment{}, few)
	if x.By.Code != "" {
		f, t := c.alias("f"), c.alias("t")
		from := "reference " + f + c.dialect.by("reference_rid") + c.dialect.with("resource", t, "", t+".rid = "+f+".target AND "+t+".version > 0")
		by := all(sql(f+".rid = "+r+".rid"), c.linked(x.By, f, t+".type"))
		ways = append(ways, join("", sql("SELECT "+t+".rid, 1 FROM "+from+" WHERE "), by))
		ways = append(ways, c.referring(x, t, from, by, few)...)
	}
	former := c.former || x.By.Code != "" || x.About.Code != ""
	return c.dialect.exists(sql("SELECT 1 FROM ("), with, join(" UNION ALL ", ways...), sql(") "+o+c.dialect.with("resource", s, "", s+".rid = "+o+".rid")+
		" WHERE ("+o+".past = 1 OR "+s+".deleted + 0 = 0 AND "+s+".type <> ?) AND ", along),
		c.as(former, func() fragment { return c.condition(x.X, s) }))
}

// referring are the resources that refer to t, and those that these tell about. t is joined by
// from where by holds; without from it is there. Of many referrers only those among few, unless
// few is empty or these are many, too, are asked.
func (c *compiler) referring(x search.Beside, t, from string, by fragment, few string) []fragment {
	g, along := c.alias("g"), c.typeNumber(x.Type)
	if from == "" {
		from = "(SELECT 1) " + c.alias("w") // what is asked of t alone is asked there: once
	}
	from += c.dialect.with("reference", g, "", g+".target = "+t+".rid")
	refers := all(by, sql(t+".type = ? AND "+g+".target = "+t+".rid", along))
	way := func(conditions ...fragment) fragment {
		return join("", sql("SELECT "+g+".rid AS rid, 0 AS past FROM "+from+" WHERE "), all(append([]fragment{refers, c.otherThan(g, x.Except)}, conditions...)...))
	}
	var ways []fragment
	if few == "" {
		ways = append(ways, way())
	} else {
		chosen := join("", sql("CASE WHEN "), c.manyRefer(t), sql(" THEN (SELECT count(*) FROM "+few+") < "+strconv.Itoa(small)+" ELSE "+nothing+" END"))
		ways = append(ways, way(not(chosen)), way(chosen, sql(g+".rid IN (SELECT rid FROM "+few+")")))
	}
	if x.About.Code != "" {
		a, u := c.alias("a"), c.alias("u")
		ways = append(ways, join("", sql("SELECT "+u+".rid, 1 FROM "+from+c.dialect.with("reference", a, "reference_rid", a+".rid = "+g+".rid")+
			c.dialect.with("resource", u, "", u+".rid = "+a+".target AND "+u+".version > 0")+" WHERE "),
			c.as(false, func() fragment {
				return all(refers, c.linked(x.Aside, g, t+".type"), c.linked(x.About, a, u+".type"))
			})))
	}
	return ways
}

// fewCandidates names a table of up to small resources of which x may hold, and is what makes
// it; empty when x does not say where to look for them.
func (c *compiler) fewCandidates(x search.Expr) (with fragment, name string) {
	c.as(false, func() fragment {
		inner := *c
		inner.types = nil
		selects, ok := inner.candidates(x)
		c.takeOver(&inner)
		if ok {
			name = c.alias("m")
			with = join("", sql("WITH "+name+" (rid) AS MATERIALIZED (SELECT rid FROM ("), join(" UNION ALL ", c.few(selects)...), sql(") c LIMIT "+strconv.Itoa(small)+") "))
		}
		return with
	})
	return with, name
}

// candidates are sets of the resources of which x may hold, found by what policies owners
// have, and by labels.
func (c *compiler) candidates(x search.Expr) (selects []fragment, ok bool) {
	switch x := x.(type) {
	case search.And:
		for _, e := range x {
			if selects, ok = c.candidates(e); ok {
				return selects, true
			}
		}
		return nil, false
	case search.Or:
		for _, e := range x {
			some, ok := c.candidates(e)
			if !ok {
				return nil, false
			}
			selects = append(selects, some...)
		}
		return selects, len(selects) > 0
	case search.Governed:
		policies, ok := decisive(x)
		if !ok {
			return nil, false
		}
		x.Kinds, x.Each, x.Policies = nil, nil, policies
		return c.governedSet(x), true
	}
	if !rare(x) {
		return nil, false
	}
	return c.set(x)
}

// decisive are the policies for which x may hold, if they are few.
func decisive(x search.Governed) (policies []int64, ok bool) {
	if x.Lacking {
		return nil, false
	}
	if x.Kinds == nil {
		return x.Policies, len(x.Policies) < small
	}
	numbers, kinds := x.Kinds.All()
	for i, n := range numbers {
		if x.Each.Asks(int(kinds[i])) == search.Never {
			continue
		}
		if policies = append(policies, n); len(policies) == small {
			return nil, false
		}
	}
	return policies, true
}

// otherThan is that a row of reference is of none of some parameters.
func (c *compiler) otherThan(reference string, except []search.Origin) fragment {
	if len(except) == 0 {
		return fragment{}
	}
	numbers := make([]int64, len(except))
	for i, o := range except {
		numbers[i] = c.param(o.Type, o.Code)
	}
	return join("", sql("NOT "), in(reference+".param", numbers))
}
