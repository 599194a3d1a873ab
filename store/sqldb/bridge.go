package sqldb

import (
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// bridge leads from the resources d of an inner criterion, in the order of their
// rids, over references to those that a chain or _has finds.
type bridge struct {
	source     fragment // FROM: d
	conditions []fragment
	near, far  string // columns of reference: the inner resource, the one that is found
	linked     func(reference string) fragment
	inner      func(reference string) fragment // that the inner criterion holds of column near
}

// linkOf is the chain or _has that x is, or has as one of its alternatives; nil
// when it has none or several.
func linkOf(x search.Expr) (link search.Expr, rest search.Or) {
	or, ok := x.(search.Or)
	if !ok {
		or = search.Or{x}
	}
	for _, e := range or {
		switch e.(type) {
		case search.Chain, search.Has:
			if link != nil {
				return nil, nil
			}
			link = e
		default:
			rest = append(rest, e)
		}
	}
	return link, rest
}

// ownOrderAcross is ownOrder of a chain or _has. What its alternatives find, such as
// contained resources, has to be little.
func (r *run) ownOrderAcross(driver int, size int64) (func() error, error) {
	link, rest := linkOf(r.conjuncts[driver])
	b, ok, err := r.bridge(link, true)
	if err != nil || !ok {
		return nil, err
	}
	if _, has := link.(search.Has); has && size >= small {
		if ok, err = r.spread(link, size); err != nil || !ok {
			return nil, err
		}
	}
	if rest != nil {
		if n, ok, err := r.reader.estimate(r.compiler, rest); err != nil || !ok || n >= small {
			return nil, err
		}
	}
	return func() error { return r.across(driver, b, link, rest) }, nil
}

// bridge is ok when the inner criterion has its resources in the order of rid: one
// index has them so, or there are few, which a walk that goes on takes for granted.
func (r *run) bridge(x search.Expr, begins bool) (b bridge, ok bool, err error) {
	var param search.Param
	var on search.Expr
	var end, of string
	switch x := x.(type) {
	case search.Chain:
		if x.Target == "" {
			return b, false, nil
		}
		param, on, end, of = x.Param, x.X, x.Target, x.Target
		b.near, b.far = "target", "rid"
	case search.Has:
		if len(r.query.Types) != 1 {
			return b, false, nil
		}
		param, on, end, of = x.Param, x.X, r.query.Types[0], x.Source
		b.near, b.far = "rid", "target"
	default:
		return b, false, nil
	}
	target, innerType := r.typeNumber(end), r.typeNumber(of)
	b.linked = func(reference string) fragment { return r.linkedTo(param, reference, target) }
	b.inner = func(reference string) fragment {
		s := r.alias("s")
		return r.dialect.exists(sql("SELECT 1 FROM resource "+s+" WHERE "+s+".rid = "+reference+"."+b.near+" AND "+s+".type = ? AND "+s+".deleted + 0 = 0 AND ", innerType), r.condition(on, s))
	}
	types := r.types
	r.types = []int64{innerType}
	defer func() { r.types = types }()
	if l, isLeaf := r.leaf(on); isLeaf && l.exact && typeOf(on) == of {
		b.source = sql(l.table + " d")
		b.conditions = []fragment{l.params.on("d"), l.condition.on("d")}
		if b.near == "rid" {
			b.inner = func(reference string) fragment { return r.leafCondition(l, reference) }
		}
	} else {
		selects, ok := r.set(on)
		if !ok || r.err != nil {
			return b, false, r.err
		}
		if begins {
			n, _, err := r.reader.estimate(r.compiler, on)
			if err != nil || n >= small {
				return b, false, err
			}
		}
		b.source = join("", sql("(SELECT DISTINCT rid FROM "), r.dialect.whole(join(" UNION ALL ", selects...)), sql(" e ORDER BY rid) d"), r.ofType(on, of, "d"))
	}
	return b, true, r.err
}

// spread says whether the rows that x has, as far as they are counted, lead to
// many resources: else nearly all of them would be read for a page.
func (r *run) spread(x search.Expr, size int64) (bool, error) {
	const rowsOfResource = 100
	selects, _ := r.set(x)
	n, err := r.reader.counted(r.compiler, join("", sql("SELECT count(DISTINCT rid) FROM (SELECT rid FROM ("),
		join(" UNION ALL ", selects...), sql(") c LIMIT "+strconv.Itoa(small)+") n")))
	return n > size/rowsOfResource, err
}
