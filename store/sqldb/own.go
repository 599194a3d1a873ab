package sqldb

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// A search without _sort may have any order, as long as all pages of a walk keep
// to it. That of creation is slow where many resources satisfy a criterion, too
// many to take them all, and yet few of those that lie side by side: then the
// driving criterion has an order of its own, along its index. The first page
// chooses, its cursor tells the others.

// ownOrder is where a page is in a driving criterion's own order.
type ownOrder struct {
	driver int64 // number of the conjunct, from 1; 0: the order of creation
	place
}

// place tells the stretches of an index apart, also when there come more.
type place struct{ param, unit, part int64 }

// ownOrder chooses an order of the conjunct's own for the first page of a search:
// nil when it has none, or creation is better.
func (r *run) ownOrder(driver int, size int64) (func() error, error) {
	if size < several {
		return nil, nil
	}
	if link, _ := linkOf(r.conjuncts[driver]); link != nil {
		return r.ownOrderAcross(driver, size)
	}
	driver = r.widest(driver)
	if l, ok := r.leaf(r.conjuncts[driver]); ok && r.stretches(l) != nil {
		return func() error { return r.along(driver, l) }, nil
	}
	return nil, nil
}

// goOn reads the next page of an order that the page before was in.
func (r *run) goOn() error {
	driver := int(r.from.own.driver) - 1
	if driver >= len(r.conjuncts) {
		return store.ErrBadCursor
	}
	x := r.conjuncts[driver]
	r.trace.criteria(r.conjuncts)
	r.trace.drives(driver)
	if link, rest := linkOf(x); link != nil {
		b, ok, err := r.bridge(link, false)
		if err != nil {
			return err
		}
		if !ok || !intValue.has(r.from.keys[0]) {
			return store.ErrBadCursor
		}
		return r.across(driver, b, link, rest)
	}
	if l, ok := r.leaf(x); ok {
		return r.along(driver, l)
	}
	return store.ErrBadCursor
}

// widest is, of the conjuncts on the one date that the driver asks for, the one
// with the most ranges: those of the others bound the walk along these.
func (r *run) widest(driver int) int {
	d, ok := r.conjuncts[driver].(search.Date)
	if !ok || !d.Param.Once {
		return driver
	}
	ranges := 0
	for i, x := range r.conjuncts {
		if e, ok := x.(search.Date); ok && e.Param == d.Param {
			if l, _ := r.leaf(e); len(l.ranges) > ranges {
				driver, ranges = i, len(l.ranges)
			}
		}
	}
	return driver
}

// along reads along the stretches of a leaf's index.
func (r *run) along(driver int, l leaf) error {
	r.trace.way("along the index of the driving criterion, in the order of its values")
	stretches := r.stretches(l)
	first := 0
	if r.from != nil {
		first = slices.IndexFunc(stretches, func(s stretch) bool { return s.place == r.from.own.place })
		if first < 0 || !stretches[first].kind.has(r.from.keys[0]) {
			return store.ErrBadCursor
		}
	}
	bounds, once := r.bounds(driver)
	for i := first; i < len(stretches); i++ {
		s := stretches[i]
		r.own, r.keys = ownOrder{int64(driver) + 1, s.place}, []sortKey{{kind: s.kind}}
		conditions := []fragment{s.condition.on("d")}
		for _, f := range bounds {
			conditions = append(conditions, f.on("d"))
		}
		if !once {
			conditions = append(conditions, not(r.came(l, stretches[:i], s)))
		}
		err := r.inWalk(sql(s.key).on("d").sql, "d.rid", s.source+r.dialect.with("resource", "r", "", "r.rid = d.rid"), conditions...)
		if err != nil || r.full || r.left() <= 0 {
			return err
		}
		r.from = nil
	}
	return nil
}

// bounds takes the driver out of the conjuncts, and those on the same row of its
// index, whose conditions on @ it returns; once says that a resource has no other.
func (r *run) bounds(driver int) (of []fragment, once bool) {
	d, _ := r.conjuncts[driver].(search.Date)
	var others []search.Expr
	for i, x := range r.conjuncts {
		if i == driver {
			continue
		}
		if f, ok := r.once(d.Param, x); ok {
			of = append(of, f)
		} else {
			others = append(others, x)
		}
	}
	r.conjuncts = others
	return of, d.Param.Once
}
