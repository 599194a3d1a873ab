package sqldb

import (
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
)

// bridge leads from the resources d of an inner criterion, in the order of their
// rids, over the references f to those that a chain or _has finds.
type bridge struct {
	source     fragment // FROM: d and f
	conditions []fragment
	near, far  string // columns of reference: the inner resource, the one that is found
	linked     func(reference string) fragment
	inner      func(reference string) fragment // that the inner criterion holds of column near
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
	index := ""
	if b.near == "rid" {
		index = "reference_rid"
	}
	b.source = join("", b.source, sql(r.dialect.with("reference", "f", index, "f."+b.near+" = d.rid")))
	b.conditions = append(b.conditions, b.linked("f"))
	return b, true, r.err
}

// Rows of a bridge are read in pieces, each longer than the one before.
const (
	firstPiece = 8 // times the rows that the page still takes
	nextPiece  = 4 // times the piece before
	mostPiece  = 4096
)

// across reads what lies beyond a bridge, in the order of the first resource that
// leads there.
func (r *run) across(driver int, b bridge) error {
	r.trace.way("from what satisfies the driving criterion's inner one, in the order of creation, along the references")
	r.own, r.keys = ownOrder{driver: int64(driver) + 1}, []sortKey{{kind: intValue}}
	for size := firstPiece * r.left(); ; size = min(nextPiece*size, mostPiece) {
		rows := b.rows(r.from)
		where := []fragment{r.where("r", "d", driver)}
		if r.from != nil {
			where = append(where, not(r.crossed(b, *r.from)))
		}
		err := r.read(join("", sql("SELECT d.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id, d.k AS "+keyColumn(0)+
			" FROM (SELECT e.rid, min(e.k) AS k FROM ("), rows, sql(" LIMIT "+strconv.Itoa(size)+") e GROUP BY e.rid) d"+
			r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "), all(where...),
			sql(" ORDER BY d.k, d.rid"+r.limit())), r.keys)
		if err != nil || r.full || r.left() <= 0 {
			return err
		}
		if r.from, err = r.lastOf(rows, size); err != nil || r.from == nil {
			return err
		}
	}
}

// rows are the bridge's, after a position: k is the inner resource, rid what is
// found.
func (b bridge) rows(from *position) fragment {
	conditions := b.conditions
	if from != nil {
		conditions = append(conditions[:len(conditions):len(conditions)], sql("d.rid >= ? AND (d.rid > ? OR f."+b.far+" > ?)", from.keys[0], from.keys[0], from.rid))
	}
	return join("", sql("SELECT d.rid AS k, f."+b.far+" AS rid FROM "), b.source, sql(" WHERE "), all(conditions...), sql(" ORDER BY d.rid, f."+b.far))
}

// lastOf is the position of row number size; nil when there are fewer.
func (r *run) lastOf(rows fragment, size int) (*position, error) {
	var last *position
	f := join("", rows, sql(" LIMIT 1 OFFSET "+strconv.Itoa(size-1)))
	err := ForEach(r.ctx, r.db, r.dialect.Rebind(f.sql), f.args, func(in Rows) error {
		var k, rid int64
		err := in.Scan(&k, &rid)
		last = &position{keys: []any{k}, rid: rid}
		return err
	})
	return last, err
}

// crossed is the condition that a row of the bridge leads to resource r at p or
// before.
func (r *run) crossed(b bridge, p position) fragment {
	g := r.alias("g")
	index := ""
	if b.far == "rid" {
		index = r.dialect.by("reference_rid")
	}
	return r.dialect.exists(sql("SELECT 1 FROM reference "+g+index+" WHERE "+g+"."+b.far+" = d.rid AND "), b.linked(g),
		sql(" AND "+g+"."+b.near+" <= ? AND ("+g+"."+b.near+" < ? OR d.rid <= ?) AND ", p.keys[0], p.keys[0], p.rid), b.inner(g))
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
