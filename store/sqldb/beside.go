package sqldb

import "github.com/inglehealth/ingle/engine/search"

// besideCondition asks x.X once of all that goes along with the resource, since it may be
// long: of what this tells about, and of what refers to this or that.
func (c *compiler) besideCondition(x search.Beside, r string) fragment {
	f, o, s := c.alias("f"), c.alias("o"), c.alias("s")
	along := c.typeNumber(x.Type)
	ways := []fragment{join("", sql("SELECT "+f+".rid AS rid, 0 AS past FROM reference "+f+" WHERE "+r+".type = ? AND "+f+".target = "+r+".rid", along), c.otherThan(f, x.Except))}
	if x.By.Code != "" {
		t, g := c.alias("t"), c.alias("g")
		from := "reference " + f + c.dialect.by("reference_rid") + c.dialect.with("resource", t, "", t+".rid = "+f+".target AND "+t+".version > 0")
		by := join("", sql(" WHERE "+f+".rid = "+r+".rid AND "), c.linked(x.By, f, t+".type"))
		ways = append(ways,
			join("", sql("SELECT "+t+".rid, 1 FROM "+from), by),
			join("", sql("SELECT "+g+".rid, 0 FROM "+from+c.dialect.with("reference", g, "", g+".target = "+t+".rid")), by, sql(" AND "+t+".type = ?", along), c.otherThan(g, x.Except)))
	}
	return c.dialect.exists(sql("SELECT 1 FROM ("), join(" UNION ALL ", ways...), sql(") "+o+c.dialect.with("resource", s, "", s+".rid = "+o+".rid")+
		" WHERE ("+o+".past = 1 OR "+s+".deleted + 0 = 0 AND "+s+".type <> ?) AND ", along),
		c.as(c.former || x.By.Code != "", func() fragment { return c.condition(x.X, s) }))
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
	return join("", sql(" AND NOT "), in(reference+".param", numbers))
}
