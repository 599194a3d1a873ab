package sqldb

import (
	"context"
	"errors"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Reader answers store.Reader, and what reads versions, on a database that has this package's tables. It
// is safe for concurrent use.
type Reader struct {
	Names   *Names
	Dialect Dialect
	// Unpack reads a stored body.
	Unpack func(packed []byte) ([]byte, error)
	// UnpackAll reads a stored body and the index copy that was packed with it.
	UnpackAll func(packed []byte) (body, copied []byte, err error)

	estimates estimates
}

// Search is store.Reader.Search on db.
func (s *Reader) Search(ctx context.Context, db DB, q *search.Query) (store.Page, error) {
	page := store.Page{Total: -1}
	if q.Total != search.TotalNone || q.Count <= 0 {
		total, err := s.total(ctx, db, q)
		if err != nil {
			return page, err
		}
		page.Total = total
	}
	if q.Count <= 0 {
		return page, nil
	}
	r, err := s.run(ctx, db, q)
	if err != nil {
		return page, err
	}
	page.Records = r.records
	n := len(page.Records)
	if n > q.Count || r.full {
		n = min(n, q.Count)
		page.Records = page.Records[:n]
		page.Next = r.positions[n-1].encode(queryFingerprint(q))
	}
	return page, nil
}

// errFull stops reading the rows of a page that ends early.
var errFull = errors.New("sqldb: the page is full")

// run is one search under way: the rows of a page and one more.
type run struct {
	*compiler
	reader    *Reader
	query     *search.Query
	keys      []sortKey
	conjuncts []search.Expr
	from      *position // nil at the start
	records   []store.Record
	positions []position
	bytes     int64 // of the records' bodies
	full      bool  // the page ended early because of them
}

func (s *Reader) compiler(ctx context.Context, db DB, q *search.Query) *compiler {
	c := &compiler{ctx: ctx, db: db, names: s.Names, dialect: s.Dialect}
	if len(q.Types) > 0 {
		c.types = c.typeNumbers(q.Types)
	}
	return c
}

func (s *Reader) run(ctx context.Context, db DB, q *search.Query) (*run, error) {
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q}
	r.keys = r.sortKeys(q.Sort)
	if q.After != "" {
		p, err := decodePosition(q.After, queryFingerprint(q), r.keys)
		if err != nil {
			return nil, err
		}
		r.from = &p
	}
	r.conjuncts = conjuncts(q.Filter)
	err := r.fetch()
	if err == nil {
		err = r.err
	}
	return r, err
}

// conjuncts takes nested Ands apart.
func conjuncts(x search.Expr) []search.Expr {
	switch x := x.(type) {
	case nil:
		return nil
	case search.And:
		var out []search.Expr
		for _, e := range x {
			out = append(out, conjuncts(e)...)
		}
		return out
	}
	return []search.Expr{x}
}

// fetch chooses how to find the page. A small set of candidates is taken
// whole and sorted; otherwise resources are visited in the order asked for,
// where an index has it, and the page is full after few of them.
func (r *run) fetch() error {
	if len(r.keys) == 0 && len(r.conjuncts) == 1 {
		if l, ok := r.leaf(r.conjuncts[0]); ok && l.exact {
			return r.inLeafOrder(0, l)
		}
	}
	best, size, err := r.reader.driver(r.compiler, r.conjuncts)
	if err != nil {
		return err
	}
	if len(r.keys) == 0 {
		if best >= 0 {
			if l, ok := r.leaf(r.conjuncts[best]); ok && l.exact {
				return r.inLeafOrder(best, l)
			}
		}
		if best >= 0 && size < small {
			return r.sorted(best)
		}
		return r.walkResources()
	}
	if best >= 0 && size < small {
		return r.sorted(best)
	}
	if len(r.keys) == 1 {
		if w := r.keys[0].walk; w != nil {
			return r.walkIndex(*w)
		}
		if r.query.Sort[0].Param.Code == "_lastUpdated" && len(r.types) == 1 {
			return r.walkUpdated()
		}
	}
	return r.sorted(best)
}

// where is the condition on resource row alias x that the conjuncts but
// number skip hold. What needs only the rid is asked of alias rid, whose row
// comes before the resource's.
func (r *run) where(x, rid string, skip int) fragment {
	conditions := []fragment{sql(x + ".deleted = 0")}
	if r.types != nil {
		conditions = append(conditions, in(x+".type", r.types))
	}
	for i, e := range r.conjuncts {
		if i == skip {
			continue
		}
		if l, ok := r.leaf(e); ok {
			conditions = append(conditions, r.leafCondition(l, rid))
		} else {
			conditions = append(conditions, r.condition(e, x))
		}
	}
	return all(conditions...)
}

// inLeafOrder reads along an index whose rows of one value are in the store's
// order.
func (r *run) inLeafOrder(driver int, l leaf) error {
	conditions := []fragment{l.params.on("d"), l.condition.on("d")}
	if r.from != nil {
		conditions = append(conditions, sql("d.rid > ?", r.from.rid))
	}
	conditions = append(conditions, r.where("r", "d", driver))
	if l.repeated.sql != "" {
		conditions = append(conditions, not(r.dialect.exists(sql("SELECT 1 FROM "+l.table+" b WHERE "), l.repeated)).on("d"))
	}
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id FROM "+l.table+" d"+
		r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "), all(conditions...), sql(" ORDER BY d.rid"+r.limit())), nil)
}

// walkResources visits resources in the store's order.
func (r *run) walkResources() error {
	var conditions []fragment
	if r.from != nil {
		conditions = append(conditions, sql("r.rid > ?", r.from.rid))
	}
	conditions = append(conditions, r.where("r", "r", -1))
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id FROM "+r.resources("r", "resource_live")+" WHERE "),
		all(conditions...), sql(" ORDER BY r.rid"+r.limit())), nil)
}

// sorted takes the whole set of conjunct number driver (all resources when it
// is -1) and sorts what satisfies the others.
func (r *run) sorted(driver int) error {
	source, rid := sql("resource r"), "r"
	if driver >= 0 {
		rid = "d"
		selects, _ := r.set(r.conjuncts[driver])
		if len(r.keys) == 0 && r.dialect.Lateral {
			return r.inSetOrder(driver, selects)
		}
		source = join("", sql("("), join(" UNION ", selects...), sql(") d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")))
		if len(selects) == 1 {
			source = join("", sql("(SELECT DISTINCT rid FROM "), r.dialect.whole(selects[0]), r.firstOf(driver), sql(") d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")))
		}
	}
	return r.sortedFrom(source, r.where("r", rid, driver), r.from)
}

// inSetOrder sorts a set and visits its resources until the page is full.
func (r *run) inSetOrder(driver int, selects []fragment) error {
	var conditions []fragment
	if r.from != nil {
		conditions = append(conditions, sql("d.rid > ?", r.from.rid))
	}
	conditions = append(conditions, r.where("r", "d", driver))
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id FROM (SELECT DISTINCT rid FROM "),
		r.dialect.whole(join(" UNION ALL ", selects...)), sql(" e ORDER BY rid) d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "),
		all(conditions...), sql(" ORDER BY d.rid"+r.limit())), nil)
}

// firstOf ends the select of a set e with as much of it as a page needs, where
// the set decides alone and in the store's order: then only the page's
// resources are looked at, however many there are.
func (r *run) firstOf(driver int) fragment {
	if len(r.keys) > 0 || len(r.conjuncts) > 1 || !r.onlyOfTypes(r.conjuncts[driver]) {
		return sql(" e")
	}
	if r.from != nil {
		return sql(" e WHERE rid > ? ORDER BY rid"+r.limit(), r.from.rid)
	}
	return sql(" e ORDER BY rid" + r.limit())
}

// sortedFrom sorts the resources r of source for which where holds.
func (r *run) sortedFrom(source, where fragment, from *position) error {
	selects, joins := []fragment{sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id")}, []fragment{}
	for i, k := range r.keys {
		selects = append(selects, join("", k.value("r"), sql(" AS "+keyColumn(i))))
		if k.joined.sql != "" {
			joins = append(joins, join("", k.joined, sql("r.rid")))
		}
	}
	inner := join("", join(", ", selects...), sql(" FROM "), source, join("", joins...), sql(" WHERE "), where)
	outer := join("", sql("SELECT * FROM "), r.dialect.fenced(inner), sql(" q"))
	if from != nil {
		outer = join("", outer, sql(" WHERE "), after("q", r.keys, *from))
	}
	return r.read(join("", outer, sql(orderBy("q", r.keys)+r.limit())), r.keys)
}

// walkIndex visits resources in the order of the one key's index, then those
// without a value.
func (r *run) walkIndex(w walk) error {
	if r.from == nil || r.from.keys[0] != nil {
		if err := r.walkValues(w); err != nil || r.full || len(r.records) > r.query.Count {
			return err
		}
	}
	conditions := []fragment{r.condition(search.Missing{Param: w.search, Want: true}, "r")}
	if r.from != nil && r.from.keys[0] == nil {
		conditions = append(conditions, sql("r.rid > ?", r.from.rid))
	}
	conditions = append(conditions, r.where("r", "r", -1))
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id, NULL AS "+keyColumn(0)+
		" FROM "+r.resources("r", "resource_live")+" WHERE "), all(conditions...), sql(" ORDER BY r.rid"+r.limit())), r.keys)
}

func (r *run) walkValues(w walk) error {
	column := "d." + w.column
	conditions := []fragment{sql("d.param = ?", w.param), sql(w.first).on("d")}
	if r.from != nil {
		conditions = append(conditions, afterInWalk(column, "d.rid", r.keys[0].desc, r.from))
	}
	conditions = append(conditions, r.where("r", "r", -1))
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id, "+column+" AS "+keyColumn(0)+
		" FROM "+w.table+" d"+r.dialect.with("resource", "r", "", "r.rid = d.rid")+" WHERE "), all(conditions...),
		sql(" ORDER BY "+column+direction(r.keys[0].desc)+", d.rid"+r.limit())), r.keys)
}

// walkUpdated visits resources of one type in the order of their last update.
func (r *run) walkUpdated() error {
	var conditions []fragment
	if r.from != nil {
		conditions = append(conditions, afterInWalk("r.updated", "r.rid", r.keys[0].desc, r.from))
	}
	conditions = append(conditions, r.where("r", "r", -1))
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id, r.updated AS "+keyColumn(0)+
		" FROM "+r.resources("r", "resource_updated")+" WHERE "), all(conditions...),
		sql(" ORDER BY r.updated"+direction(r.keys[0].desc)+", r.rid"+r.limit())), r.keys)
}

// afterInWalk is the condition to come after a position with a value, with a
// bound that the index takes.
func afterInWalk(column, rid string, desc bool, p *position) fragment {
	value := p.keys[0]
	bound, past := " >= ?", " > ?"
	if desc {
		bound, past = " <= ?", " < ?"
	}
	return sql(column+bound+" AND ("+column+past+" OR "+rid+" > ?)", value, value, p.rid)
}

func direction(desc bool) string {
	if desc {
		return " DESC"
	}
	return ""
}

// resources is the table of resources, by an index on its type when there is
// one type.
func (r *run) resources(alias, index string) string {
	if len(r.types) == 1 {
		return "resource " + alias + r.dialect.by(index)
	}
	return "resource " + alias
}

func (r *run) limit() string { return " LIMIT " + strconv.Itoa(r.query.Count+1-len(r.records)) }

func keyColumn(i int) string { return "k" + strconv.Itoa(i+1) }

// read runs the query of a page, whose columns are rid, seq, type, id and the
// keys, and appends its records and positions.
func (r *run) read(inner fragment, keys []sortKey) error {
	if r.err != nil {
		return r.err
	}
	text := "SELECT p.rid, p.type, p.id"
	for i := range keys {
		text += ", p." + keyColumn(i)
	}
	columns, unpack := VersionColumns, r.reader.Unpack
	if r.query.Heads {
		columns, unpack = headColumns, nil
	}
	text += ", " + columns + " FROM (" + inner.sql + ") p" +
		r.dialect.with("version", "v", "", "v.seq = p.seq") + orderBy("p", keys)
	var types []int64
	start := len(r.records)
	err := ForEach(r.ctx, r.db, r.dialect.Rebind(text), inner.args, func(in Rows) error {
		var stored versionRow
		var typeNumber int64
		var id string
		at := position{keys: make([]any, len(keys))}
		dest := []any{&at.rid, &typeNumber, &id}
		for i := range keys {
			dest = append(dest, &at.keys[i])
		}
		if err := in.Scan(append(dest, stored.dest()...)...); err != nil {
			return err
		}
		record, err := stored.record(id, unpack)
		types = append(types, typeNumber)
		r.records = append(r.records, record)
		r.positions = append(r.positions, at)
		if err == nil && r.query.Bytes.Full(&r.bytes, record.Body) {
			r.full = true
			return errFull
		}
		return err
	})
	if err != nil && !r.full {
		return err
	}
	for i, n := range types {
		t, err := r.names.Text(r.ctx, r.db, n)
		if err != nil {
			return err
		}
		r.records[start+i].Key.Type = fhir.Type(t)
	}
	return nil
}
