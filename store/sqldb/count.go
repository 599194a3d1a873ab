package sqldb

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Count is store.Reader.Count on db.
func (s *Reader) Count(ctx context.Context, db DB, q *search.Query) (int64, error) {
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q}
	r.ask(q)
	best, _, err := s.driver(r.compiler, r.conjuncts)
	if err != nil {
		return 0, err
	}
	f := r.countSQL(best)
	if r.err != nil {
		return 0, r.err
	}
	defer r.trace.doing(store.TotalStatement)()
	n, err := r.count(f)
	if err == nil {
		err = r.unchanged()
	}
	if err != nil {
		return n, err
	}
	stale, err := r.stale()
	if err == nil && !stale {
		stale, err = r.learned()
	}
	if err == nil && stale {
		return s.Count(ctx, db, q)
	}
	return n, err
}

func (r *run) countSQL(driver int) fragment {
	if driver < 0 {
		return join("", sql("SELECT count(*) FROM "+r.resources("r", "resource_type")+" WHERE "), r.where("r", "r", -1))
	}
	x := r.conjuncts[driver]
	set, ok := r.onceSet(driver)
	others := len(r.conjuncts)
	if ok {
		driver = -1
	} else {
		others--
		selects, _ := r.set(x)
		if set = join(" UNION ", selects...); len(selects) == 1 {
			set = join("", sql("SELECT DISTINCT rid FROM ("), selects[0], sql(") e"))
		}
	}
	if others == 0 && r.onlyOfTypes(x) {
		return join("", sql("SELECT count(*) FROM ("), set, sql(") d"))
	}
	return join("", sql("SELECT count(*) FROM ("), set, sql(") d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "), r.where("r", "d", driver))
}

// onceSet is the set of conjunct number driver, if that asks for the one date that
// a resource has, with all that the others ask of it: they are no longer among the
// conjuncts.
func (r *run) onceSet(driver int) (fragment, bool) {
	driver = r.widest(driver)
	d, ok := r.conjuncts[driver].(search.Date)
	if !ok || !d.Param.Once {
		return fragment{}, false
	}
	l, _ := r.leaf(d)
	bounds, _ := r.bounds(driver)
	var selects []fragment
	for _, s := range r.stretches(l) {
		selects = append(selects, join("", sql("SELECT d.rid FROM "+s.source+" WHERE "), all(append(bounds[:len(bounds):len(bounds)], s.condition)...).on("d")))
	}
	return join(" UNION ALL ", selects...), true
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
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q, conjuncts: owned(conjuncts(q.Filter))}
	r.about(r.conjuncts)
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
