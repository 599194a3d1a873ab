package sqldb

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Count is store.Reader.Count on db.
func (s *Reader) Count(ctx context.Context, db DB, q *search.Query) (int64, error) {
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q, conjuncts: conjuncts(q.Filter)}
	best, _, err := s.driver(r.compiler, r.conjuncts)
	if err != nil {
		return 0, err
	}
	f := r.countSQL(best)
	if r.err != nil {
		return 0, r.err
	}
	defer r.trace.doing(store.TotalStatement)()
	n, err := count(ctx, db, s.Dialect, f)
	if err == nil {
		err = r.unchanged()
	}
	return n, err
}

func (r *run) countSQL(driver int) fragment {
	if driver < 0 {
		return join("", sql("SELECT count(*) FROM "+r.resources("r", "resource_live")+" WHERE "), r.where("r", "r", -1))
	}
	selects, _ := r.set(r.conjuncts[driver])
	set := join(" UNION ", selects...)
	if len(selects) == 1 {
		set = join("", sql("SELECT DISTINCT rid FROM ("), selects[0], sql(") e"))
	}
	if len(r.conjuncts) == 1 && r.onlyOfTypes(r.conjuncts[0]) {
		return join("", sql("SELECT count(*) FROM ("), set, sql(") d"))
	}
	return join("", sql("SELECT count(*) FROM ("), set, sql(") d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "), r.where("r", "d", driver))
}

// onlyOfTypes says whether whatever is in the set of x is alive and of the
// query's one type anyway: a parameter of that type has index rows of no other.
func (r *run) onlyOfTypes(x search.Expr) bool {
	if len(r.query.Types) != 1 {
		return false
	}
	switch x.(type) {
	case search.IDs, search.LastUpdated:
		return true
	}
	return typeOf(x) == r.query.Types[0]
}

// typeOf is the one type whose resources alone have index rows that satisfy x; ""
// when that is not sure.
func typeOf(x search.Expr) string {
	var p search.Param
	switch x := x.(type) {
	case search.Or:
		if first, _, ok := sameReference(x); ok {
			p = first.Param
		}
	case search.Token:
		p = x.Param
	case search.Codes:
		p = x.Param
	case search.Text:
		p = x.Param
	case search.Sequence:
		if x.Param.Code != contentCode {
			p = x.Param
		}
	case search.Reference:
		p = x.Param
	case search.String:
		p = x.Param
	case search.Date:
		p = x.Param
	case search.Number:
		p = x.Param
	case search.Quantity:
		p = x.Param
	case search.URI:
		p = x.Param
	case search.Composite:
		p = x.Param
	case search.Near:
		p = x.Param
	case search.Other:
		p = x.Param()
	}
	return p.Type
}

// total is the number for Bundle.total: exact, or for an estimate exact up to
// most and beyond that the size of the smallest set that the search could
// start from.
func (s *Reader) total(ctx context.Context, db DB, q *search.Query) (int64, error) {
	if q.Total != search.TotalEstimate {
		return s.Count(ctx, db, q)
	}
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q, conjuncts: conjuncts(q.Filter)}
	best, size, err := s.driver(r.compiler, r.conjuncts)
	if err != nil {
		return 0, err
	}
	if best < 0 || size < bound(r.conjuncts[best]) {
		return s.Count(ctx, db, q)
	}
	r.conjuncts = []search.Expr{r.conjuncts[best]}
	f := r.countSQL(0)
	if r.err != nil {
		return 0, r.err
	}
	defer r.trace.doing(store.TotalStatement)()
	return count(ctx, db, s.Dialect, f)
}
