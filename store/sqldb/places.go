package sqldb

import (
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// places are where the resources lie that the filter of a history holds of: all of
// some types, and a set.
type places struct {
	types []int64
	set   []fragment // selects of rid
	few   bool       // there are not so many in the set that the newest are found sooner among all versions
}

// places are nil when the filter names no such places.
func (s *Reader) places(c *compiler, q store.HistoryQuery) (*places, error) {
	if q.Filter == nil || q.ID != "" {
		return nil, nil
	}
	p := &places{few: true}
	var sets search.Or
	for _, one := range alternatives(q.Filter) {
		if types, rest := typed(one); rest == nil {
			p.types = append(p.types, c.knownTypes(types)...)
		} else {
			sets = append(sets, one)
		}
	}
	if sets == nil {
		return p, c.err
	}
	n, ok, err := s.estimate(c, sets)
	if err != nil || !ok {
		return nil, err
	}
	p.set, _ = c.set(sets)
	p.few = n < most
	return p, c.err
}

// versions selects the numbers of the versions of what lies there, each once, within
// bounds on @.
func (p *places) versions(c *compiler, bounds []fragment) fragment {
	var selects []fragment
	for _, t := range p.types {
		selects = append(selects, join("", sql("SELECT seq FROM "), c.dialect.ofType(t, bounds), sql(" "+c.alias("o"))))
	}
	var with fragment
	if p.set != nil {
		others := sql(always)
		if p.types != nil {
			others = not(in("n.type", p.types))
		}
		k := c.alias("k")
		with = join("", sql("WITH "+k+" (rid) AS MATERIALIZED (SELECT DISTINCT e.rid FROM "), c.dialect.whole(join(" UNION ALL ", p.set...)),
			sql(" e"+c.dialect.with("resource", "n", "", "n.rid = e.rid")+" WHERE "), others, sql(") "))
		selects = append(selects,
			join("", sql("SELECT "+k+".rid AS seq FROM "+k+" WHERE "), at(k+".rid", bounds)),
			join("", sql("SELECT l.seq FROM "+k+c.dialect.with("version", "l", "version_rid", "l.rid = "+k+".rid AND l.version > 1")+" WHERE "), at("l.seq", bounds)))
	}
	return join("", sql("("), with, join(" UNION ALL ", selects...), sql(")"))
}

// where is what must hold of versions that come from there, or with nil from all
// resources.
func (p *places) where(c *compiler, q store.HistoryQuery, where fragment) fragment {
	switch {
	case q.Filter == nil:
		return where
	case p == nil:
		return all(where, c.condition(q.Filter, "r"))
	case q.Type == "":
		return where
	}
	return all(where, sql("r.type = ?", c.typeNumber(string(q.Type))))
}
