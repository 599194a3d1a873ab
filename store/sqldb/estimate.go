package sqldb

import (
	"context"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// mostOfType bounds the resources that are counted where no criterion narrows a query.
const mostOfType = 100_000

// Estimate is store.Reader.Estimate on db.
func (s *Reader) Estimate(ctx context.Context, db DB, q *search.Query) (store.Estimate, error) {
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q}
	r.keys = r.sortKeys(q.Sort)
	r.conjuncts = owned(conjuncts(q.Filter))
	r.about(r.conjuncts)
	counts := q.Total == search.TotalAccurate || q.Total == search.TotalEstimate || q.Count <= 0
	if !counts && r.first() || r.theOne() >= 0 {
		return store.Estimate{}, r.err
	}
	best, size, err := s.driver(r.compiler, r.conjuncts)
	if err != nil || best < 0 {
		if err == nil {
			size, err = s.ofTypes(r)
		}
		return store.Estimate{Candidates: size, AtLeast: size >= mostOfType, Everything: true}, err
	}
	return store.Estimate{Candidates: size, AtLeast: size >= bound(r.conjuncts[best])}, nil
}

// first says whether a page is the beginning of an index or of the table.
func (r *run) first() bool {
	switch {
	case len(r.conjuncts) == 0 && len(r.keys) == 0:
		return true
	case len(r.conjuncts) == 0 && len(r.keys) == 1:
		return r.keys[0].walk != nil || r.query.Sort[0].Param.Code == "_lastUpdated"
	case len(r.conjuncts) == 1 && len(r.keys) == 0:
		l, ok := r.leaf(r.conjuncts[0])
		return ok && l.exact
	}
	return false
}

// ofTypes counts the resources of the query's types, up to mostOfType.
func (s *Reader) ofTypes(r *run) (int64, error) {
	condition := sql("r.deleted = 0")
	if r.types != nil {
		condition = all(condition, in("r.type", r.types))
	}
	return s.counted(r.compiler, join("", sql("SELECT count(*) FROM (SELECT r.rid FROM "+r.resources("r", "resource_type")+" WHERE "), condition,
		sql(" LIMIT "+strconv.Itoa(mostOfType)+") n")))
}
