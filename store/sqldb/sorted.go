package sqldb

// sorted takes the whole set of conjunct number driver (all resources when it
// is -1) and sorts what satisfies the others.
func (r *run) sorted(driver int) error {
	r.trace.way("all that the driving criterion selects, sorted")
	if driver < 0 {
		r.trace.way("over all resources, sorted")
		return r.sortedFrom(sql("resource r"), r.where("r", "r", driver), false)
	}
	selects, _ := r.set(r.conjuncts[driver])
	set := join("", sql("(SELECT DISTINCT rid FROM "), r.dialect.whole(join(" UNION ALL ", selects...)), sql(" e"))
	if len(r.keys) == 0 {
		_, err := r.inOrder(join("", set, sql(" ORDER BY rid) d")), driver)
		return err
	}
	set = join("", set, sql(") d"))
	if r.indexed(driver) {
		return r.sortedFrom(set, all(r.others("d", driver)...), true)
	}
	return r.sortedFrom(join("", set, sql(r.dialect.with("resource", "r", "", "r.rid = d.rid"))), r.where("r", "d", driver), false)
}

// sortedFrom sorts the resources of source for which where holds: rows r, or
// with narrow the rids of d.
func (r *run) sortedFrom(source, where fragment, narrow bool) error {
	x, columns := "r", "r.rid AS rid"+rowColumns
	if narrow {
		x, columns = "d", "d.rid AS rid"
	}
	selects, joins := []fragment{sql("SELECT " + columns)}, []fragment{}
	for i, k := range r.keys {
		selects = append(selects, join("", k.value(x), sql(" AS "+keyColumn(i))))
		if k.joined.sql != "" {
			joins = append(joins, join("", k.joined, sql(x+".rid")))
		}
	}
	inner := join("", join(", ", selects...), sql(" FROM "), source, join("", joins...), sql(" WHERE "), where)
	outer := join("", sql("SELECT * FROM "), r.dialect.fenced(inner), sql(" q"))
	if r.from != nil {
		outer = join("", outer, sql(" WHERE "), after("q", r.keys, *r.from))
	}
	_, err := r.readPage(join("", outer, sql(orderBy("q", r.keys)+r.limit())), r.keys, narrow)
	return err
}

func direction(desc bool) string {
	if desc {
		return " DESC"
	}
	return ""
}
