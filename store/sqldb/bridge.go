package sqldb

import (
	"math"
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

// Inner resources are taken in pieces, each larger than the one before.
const (
	firstPiece = 8 // times the rows that the page still takes
	nextPiece  = 4 // times the piece before
	mostPiece  = 4096
)

// across reads what lies beyond a bridge, in the order of the first resource that
// leads there, and then what only the alternatives find.
func (r *run) across(driver int, b bridge, link search.Expr, rest search.Or) error {
	r.trace.way("from what satisfies the driving criterion's inner one, in the order of creation, along the references")
	r.keys = []sortKey{{kind: intValue}}
	if r.from == nil || r.from.own.part == 0 {
		r.own = ownOrder{driver: int64(driver) + 1}
		if err := r.overBridge(driver, b); err != nil || r.full || r.left() <= 0 {
			return err
		}
	}
	if rest == nil {
		return nil
	}
	r.own = ownOrder{int64(driver) + 1, place{part: 1}}
	selects, _ := r.set(rest)
	where := []fragment{r.where("r", "d", driver), not(r.condition(link, "r"))}
	if r.from != nil {
		where = append(where, sql("d.rid > ?", r.from.rid))
	}
	return r.read(join("", sql("SELECT d.rid AS rid, d.rid AS "+keyColumn(0)+rowColumns+" FROM (SELECT DISTINCT rid FROM "),
		r.dialect.whole(join(" UNION ALL ", selects...)), sql(" e) d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "),
		all(where...), sql(" ORDER BY d.rid"+r.limit())), r.keys)
}

func (r *run) overBridge(driver int, b bridge) error {
	for size := firstPiece * r.left(); ; {
		piece := b.piece(r.from)
		found := r.referring
		if b.near == "rid" {
			found = r.referredTo
		}
		limit := r.left()
		rows, err := r.readPage(join("", found(driver, b, join("", piece, sql(" LIMIT "+strconv.Itoa(size)))), sql(r.limit())), r.keys, false)
		if err != nil || r.full || r.left() <= 0 {
			return err
		}
		if rows == limit { // some repeated a resource
			r.from = &r.positions[len(r.positions)-1]
			continue
		}
		if r.from, err = r.lastOf(piece, size); err != nil || r.from == nil {
			return err
		}
		size = min(nextPiece*size, mostPiece)
	}
}

// piece is inner resources from a position on.
func (b bridge) piece(from *position) fragment {
	conditions := b.conditions
	if from != nil {
		conditions = append(conditions[:len(conditions):len(conditions)], sql("d.rid >= ?", from.keys[0]))
	}
	return join("", sql("SELECT d.rid FROM "), b.source, sql(" WHERE "), all(conditions...), sql(" ORDER BY d.rid"))
}

// lastOf is the position behind the last resource of a piece; nil when there are
// fewer than size.
func (r *run) lastOf(piece fragment, size int) (*position, error) {
	var last *position
	f := join("", piece, sql(" LIMIT 1 OFFSET "+strconv.Itoa(size-1)))
	err := ForEach(r.ctx, r.db, r.dialect.Rebind(f.sql), f.args, func(in Rows) error {
		var k int64
		err := in.Scan(&k)
		last = &position{keys: []any{k}, rid: math.MaxInt64}
		return err
	})
	return last, err
}

// beyond is the condition that found, to which the inner resource k leads, is
// behind the position.
func (r *run) beyond(k, found string) fragment {
	if r.from == nil {
		return fragment{}
	}
	return sql("("+k+" > ? OR "+found+" > ?)", r.from.keys[0], r.from.rid)
}

// referredTo is what the resources of a piece refer to, each once: a few
// resources may be all that thousands refer to.
func (r *run) referredTo(driver int, b bridge, piece fragment) fragment {
	pairs := join("", sql("SELECT min(d.rid) AS k, f.target AS rid FROM ("), piece, sql(") d"+
		r.dialect.with("reference", "f", "reference_rid", "f.rid = d.rid")+" WHERE "), all(b.linked("f"), r.beyond("d.rid", "f.target")), sql(" GROUP BY f.target"))
	where := []fragment{r.where("r", "d", driver)}
	if r.from != nil {
		g := r.alias("g")
		where = append(where, not(r.dialect.exists(sql("SELECT 1 FROM reference "+g+" WHERE "+g+".target = d.rid AND "), b.linked(g),
			sql(" AND "+g+".rid <= ? AND ("+g+".rid < ? OR d.rid <= ?) AND ", r.from.keys[0], r.from.keys[0], r.from.rid), b.inner(g))))
	}
	return join("", sql("SELECT d.rid AS rid, d.k AS "+keyColumn(0)+rowColumns+" FROM ("), pairs,
		sql(") d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "), all(where...), sql(" ORDER BY d.k, d.rid"))
}

// referring is what refers to the resources of a piece, but for what refers to
// one before, too: as many may refer to each as the page takes.
func (r *run) referring(driver int, b bridge, piece fragment) fragment {
	g := r.alias("g")
	found := join("", sql("SELECT f.rid AS rid, d.rid AS "+keyColumn(0)+rowColumns+" FROM "))
	conditions := all(b.linked("f"), r.beyond("d.rid", "f.rid"), r.where("r", "f", driver),
		not(r.dialect.exists(sql("SELECT 1 FROM reference "+g+r.dialect.by("reference_rid")+" WHERE "+g+".rid = f.rid AND "+g+".target < d.rid AND "),
			b.linked(g), sql(" AND "), b.inner(g))))
	resource := r.dialect.with("resource", "r", "", "r.rid = f.rid")
	if !r.dialect.Lateral {
		return join("", found, sql("("), piece, sql(") d"+r.dialect.with("reference", "f", "", "f.target = d.rid")+resource+" WHERE "), conditions,
			sql(" ORDER BY d.rid, f.rid"))
	}
	return join("", sql("SELECT f.* FROM ("), piece, sql(") d CROSS JOIN LATERAL ("), found, sql("reference f"+resource+" WHERE f.target = d.rid AND "), conditions,
		sql(" ORDER BY f.rid"+r.limit()+") f ORDER BY f."+keyColumn(0)+", f.rid"))
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
