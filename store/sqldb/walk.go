package sqldb

import "github.com/inglehealth/ingle/engine/search"

// walkIndex visits resources in the order of the one key's index, then those
// without a value. What is asked of that value itself is asked of the index, so
// that the walk begins where the first may be.
func (r *run) walkIndex(w walk) error {
	r.trace.way("along the index of the sort key, asking each resource for all criteria")
	of, others := w.asked(r.compiler, r.conjuncts)
	r.conjuncts = others
	if r.from == nil || r.from.keys[0] != nil {
		if err := r.walkValues(w, of); err != nil || r.full || len(r.records) > r.query.Count {
			return err
		}
	}
	if len(of) > 0 {
		return nil
	}
	conditions := []fragment{r.condition(search.Missing{Param: w.search, Want: true}, "r")}
	if r.from != nil && r.from.keys[0] == nil {
		conditions = append(conditions, sql("r.rid > ?", r.from.rid))
	}
	conditions = append(conditions, r.where("r", "r", -1))
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id, NULL AS "+keyColumn(0)+
		" FROM "+r.resources("r", "resource_type")+" WHERE "), all(conditions...), sql(" ORDER BY r.rid"+r.limit())), r.keys)
}

// asked takes out of conjuncts those on the one value that a resource has of
// the walk's parameter: of are their conditions on @.
func (w walk) asked(c *compiler, all []search.Expr) (of []fragment, others []search.Expr) {
	for _, x := range all {
		if f, ok := c.once(w.search, x); ok {
			of = append(of, f)
		} else {
			others = append(others, x)
		}
	}
	return of, others
}

// once is the condition on the row @ of p that x is, if it asks for the one date
// that a resource has of p.
func (c *compiler) once(p search.Param, x search.Expr) (fragment, bool) {
	d, ok := x.(search.Date)
	if !ok || !p.Once || d.Param != p {
		return fragment{}, false
	}
	l, _ := c.leaf(d)
	if len(l.ranges) == 1 {
		return l.ranges[0].fragment, true
	}
	return l.condition, true
}

func (r *run) walkValues(w walk, of []fragment) error {
	column := "d." + w.column
	conditions := []fragment{sql("d.param = ?", w.param), sql(w.first).on("d")}
	for _, f := range of {
		conditions = append(conditions, f.on("d"))
	}
	return r.inWalk(column, "d.rid", w.table+" d"+r.dialect.with("resource", "r", "", "r.rid = d.rid"), conditions...)
}

// walkUpdated visits resources of one type in the order of their last update.
func (r *run) walkUpdated() error {
	r.trace.way("over the resources by their last update, asking each for all criteria")
	return r.inWalk("r.updated", "r.rid", r.resources("r", "resource_updated"))
}

// inWalk visits the resources of source in the order of an index on column and
// rid: after the position first those of the same value, then the others, so
// that the index leads to both however many have that value.
func (r *run) inWalk(column, rid, source string, conditions ...fragment) error {
	order := " ORDER BY " + column + direction(r.keys[0].desc) + ", " + rid
	ranges := []fragment{{}}
	if r.from != nil {
		value, past := r.from.keys[0], " > ?"
		if r.keys[0].desc {
			past = " < ?"
		}
		ranges = []fragment{sql(column+" = ? AND "+rid+" > ?", value, r.from.rid), sql(column+past, value)}
	}
	for _, f := range ranges {
		where := all(append(append([]fragment{f}, conditions...), r.where("r", "r", -1))...)
		err := r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id, "+column+" AS "+keyColumn(0)+
			" FROM "+source+" WHERE "), where, sql(order+r.limit())), r.keys)
		if err != nil || r.full || r.left() <= 0 {
			return err
		}
	}
	return nil
}
