package sqldb

import (
	"math"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Inner resources are taken in pieces, each larger than the one before.
const (
	firstPiece = 8 // times the rows that the page still takes
	nextPiece  = 2 // times the piece before
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

// overBridge reads a first piece of so many inner resources, and when that does
// not fill the page those up to an end that is found out before: where a piece
// ended cannot be found out behind it, since others write between two statements.
func (r *run) overBridge(driver int, b bridge) error {
	size := firstPiece * r.left()
	full, err := r.overPiece(driver, b, fragment{}, sql(" LIMIT "+strconv.Itoa(size)))
	for err == nil && !full {
		if size < mostPiece {
			size *= nextPiece
		}
		var end *position
		if end, err = r.endOf(b, size); err != nil {
			return err
		}
		var until fragment
		if end != nil {
			until = sql("d.rid <= ?", end.keys[0])
		}
		full, err = r.overPiece(driver, b, until, r.dialect.fence())
		if r.from = end; end == nil {
			return err
		}
	}
	return err
}

// overPiece reads what the inner resources from the position on lead to, as far
// as the condition until holds and limit says. It is full when the page is.
func (r *run) overPiece(driver int, b bridge, until, limit fragment) (full bool, err error) {
	found := r.referring
	if b.near == "rid" {
		found = r.referredTo
	}
	for {
		most := r.left()
		piece := join("", b.piece(r.from, until), limit)
		rows, err := r.readPage(join("", found(driver, b, piece), sql(r.limit())), r.keys, false)
		if rows > 0 {
			r.from = &r.positions[len(r.positions)-1]
		}
		if full = r.full || r.left() <= 0; err != nil || full || rows < most { // else some repeated a resource
			return full, err
		}
	}
}

// piece is inner resources from a position on, in the order of rid.
func (b bridge) piece(from *position, until fragment) fragment {
	conditions := b.conditions[:len(b.conditions):len(b.conditions)]
	if from != nil {
		compare := " >= ?" // there may be more that it leads to
		if from.rid == math.MaxInt64 {
			compare = " > ?"
		}
		conditions = append(conditions, sql("d.rid"+compare, from.keys[0]))
	}
	return join("", sql("SELECT d.rid FROM "), b.source, sql(" WHERE "), all(append(conditions, until)...), sql(" ORDER BY d.rid"))
}

// endOf is the position behind the next inner resources, so many; nil when there
// are fewer.
func (r *run) endOf(b bridge, size int) (end *position, err error) {
	defer r.trace.doing(store.PageStatement)()
	f := join("", b.piece(r.from, fragment{}), sql(" LIMIT 1 OFFSET "+strconv.Itoa(size-1)))
	err = ForEach(r.ctx, r.db, r.dialect.Rebind(f.sql), f.args, func(in Rows) error {
		var k int64
		err := in.Scan(&k)
		end = &position{keys: []any{k}, rid: math.MaxInt64}
		return err
	})
	return end, err
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
	linked := b.linked("f")
	pairs := join("", sql("SELECT min(d.rid) AS k, f.target AS rid FROM ("), piece, sql(") d"),
		sql(r.dialect.with("reference", "f", "reference_rid", "f.rid = d.rid AND "+linked.sql), linked.args...),
		sql(" WHERE "), all(r.beyond("d.rid", "f.target")), sql(" GROUP BY f.target"))
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
