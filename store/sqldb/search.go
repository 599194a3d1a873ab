package sqldb

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/inglehealth/ingle/engine/search"
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
	// MaxListed bounds the codes in the tables of lists; 0: the constant.
	MaxListed int

	estimates   estimates
	policies    policyMemory
	labelsOften labelsOften
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
	page.Records = r.records[:min(len(r.records), q.Count)]
	page.Looked, page.Beside, page.Marks = r.lookedUp, r.beside, r.marks
	query := queryPrints(q)
	if len(r.records) > q.Count || r.full {
		page.Next = r.positions[len(page.Records)-1].encode(query)
	} else if r.looked > 0 {
		page.Next = position{rid: r.looked}.encode(query)
	}
	if q.Cursors {
		for i := range page.Records {
			page.Cursors = append(page.Cursors, r.positions[i].encode(query))
		}
	}
	return page, nil
}

// errFull stops reading the rows of a page that ends early.
var errFull = errors.New("sqldb: the page is full")

// A query is short when it has fewer than quick candidates and no more than
// fewRows rows.
const (
	quick   = 500
	fewRows = 100
)

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
	own       ownOrder
	bytes     int64 // of the records' bodies
	full      bool  // the page ended early because of them
	looked    int64 // how far the page's walk looks, 0: to the end
	lookedUp  bool  // as store.Page has it
	beside    *store.Record
	marks     []store.PolicyMark // as store.Page has them
	short     bool               // the query of the page is short
}

func (s *Reader) compiler(ctx context.Context, db DB, q *search.Query) *compiler {
	c := &compiler{ctx: ctx, db: db, names: s.Names, dialect: s.Dialect, policies: &s.policies, seen: newSightings(), age: s.Names.age.Load()}
	c.size = func(x search.Expr) (int64, bool) {
		n, ok, err := s.estimate(c, x)
		c.fail(err)
		return n, ok
	}
	c.trace, _ = db.(*Trace)
	if len(q.Types) > 0 {
		c.types = c.typeNumbers(q.Types)
	}
	return c
}

func (s *Reader) run(ctx context.Context, db DB, q *search.Query) (*run, error) {
	for {
		r, err := s.once(ctx, db, q)
		if err != nil {
			return r, err
		}
		stale, err := r.stale()
		if err == nil && !stale {
			stale, err = r.learned()
		}
		if err != nil || !stale {
			return r, err
		}
	}
}

func (s *Reader) once(ctx context.Context, db DB, q *search.Query) (*run, error) {
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q}
	r.keys = r.sortKeys(q.Sort)
	if q.After != "" {
		p, err := decodePosition(q.After, queryPrints(q), r.keys)
		if err != nil {
			return nil, err
		}
		r.from = &p
	}
	r.ask(q)
	err := r.fetch()
	if err == nil {
		err = r.err
	}
	if err == nil {
		err = r.unchanged()
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
	if r.from != nil && r.from.own.driver > 0 {
		return r.goOn()
	}
	if len(r.keys) == 0 && len(r.conjuncts) == 1 {
		if l, ok := r.leaf(r.conjuncts[0]); ok && l.exact {
			r.short = r.query.Count <= fewRows
			r.trace.alone(r.conjuncts[0])
			return r.inLeafOrder(0, l)
		}
	}
	if i := r.theOne(); i >= 0 {
		return r.one(i)
	}
	best, size, err := r.reader.driver(r.compiler, r.conjuncts)
	if err != nil {
		return err
	}
	r.short = best >= 0 && size < quick && r.query.Count <= fewRows
	if len(r.keys) == 0 {
		if best >= 0 {
			if l, ok := r.leaf(r.conjuncts[best]); ok && l.exact {
				return r.inLeafOrder(best, l)
			}
		}
		if best >= 0 && r.from == nil && r.query.Looks == 0 {
			walk, err := r.ownOrder(best, size)
			if err != nil {
				return err
			}
			if walk != nil {
				return walk()
			}
		}
		if best >= 0 && size < small && (r.query.Looks == 0 || size <= int64(r.query.Looks)) {
			return r.sorted(best)
		}
		if done, err := r.merge(best); done || err != nil {
			return err
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
		if r.query.Sort[0].Param.Code == "_lastUpdated" {
			if len(r.types) == 1 {
				return r.walkUpdated()
			}
			if done, err := r.merge(best); done || err != nil {
				return err
			}
		}
	}
	return r.sorted(best)
}

// theOne is the conjunct that asks for one resource by its key; -1 when none does.
func (r *run) theOne() int {
	if len(r.types) != 1 || len(r.keys) > 0 || r.from != nil {
		return -1
	}
	return slices.IndexFunc(r.conjuncts, func(x search.Expr) bool {
		ids, ok := x.(search.IDs)
		return ok && len(ids) == 1
	})
}

// where is the condition on resource row alias x that the conjuncts but
// number skip hold. What needs only the rid is asked of alias rid, whose row
// comes before the resource's.
func (r *run) where(x, rid string, skip int) fragment {
	conditions := []fragment{sql(x + ".deleted = 0")}
	if r.types != nil {
		conditions = append(conditions, in(x+".type", r.types))
	}
	return all(append(conditions, r.conditions(x, rid, skip)...)...)
}

// conditions are those of where that the conjuncts make.
func (r *run) conditions(x, rid string, skip int) (conditions []fragment) {
	for i, e := range r.conjuncts {
		if i != skip {
			conditions = append(conditions, r.conditionOf(e, x, rid))
		}
	}
	return conditions
}

// conditionOf is that of one conjunct.
func (r *run) conditionOf(e search.Expr, x, rid string) fragment {
	if l, ok := r.leaf(e); ok {
		return r.leafCondition(l, rid)
	}
	return r.condition(e, x)
}

// indexed says whether the index tables alone decide which resources of
// conjunct number driver are found and in what order. Then the rows of
// resources are looked up for those of the page only.
func (r *run) indexed(driver int) bool {
	if driver < 0 || !r.onlyOfTypes(r.conjuncts[driver]) || slices.ContainsFunc(r.keys, func(k sortKey) bool { return k.ofRow }) {
		return false
	}
	for i, e := range r.conjuncts {
		if _, ok := r.leaf(e); !ok && i != driver {
			return false
		}
	}
	return true
}

// others are the conditions on alias rid that the conjuncts but the driver
// hold, when the driver is indexed.
func (r *run) others(rid string, driver int) []fragment {
	var conditions []fragment
	for i, e := range r.conjuncts {
		if i != driver {
			l, _ := r.leaf(e)
			conditions = append(conditions, r.leafCondition(l, rid))
		}
	}
	return conditions
}

// inLeafOrder reads along an index whose rows of one value are in the store's
// order, and goes on where rows that repeat a resource took the place of others.
func (r *run) inLeafOrder(driver int, l leaf) error {
	r.trace.way("along the index of the driving criterion, in the order of the result")
	for {
		limit := r.left()
		rows, err := r.inOrder(sql(l.table+" d"), driver, l.params.on("d"), l.condition.on("d"))
		if err != nil || r.full || rows < limit || r.left() == 0 {
			return err
		}
		r.from = &r.positions[len(r.positions)-1]
	}
}

// inOrder reads the rows d of source in the order of rid until the page is full,
// for which the conditions and the conjuncts but the driver hold.
func (r *run) inOrder(source fragment, driver int, conditions ...fragment) (rows int, err error) {
	if r.from != nil {
		conditions = append(conditions, sql("d.rid > ?", r.from.rid))
	}
	columns, joined, narrow := "d.rid AS rid", "", r.indexed(driver)
	if narrow {
		conditions = append(conditions, r.others("d", driver)...)
	} else {
		columns += rowColumns
		joined = r.dialect.with("resource", "r", "", "r.rid = d.rid")
		conditions = append(conditions, r.where("r", "d", driver))
	}
	return r.readPage(join("", sql("SELECT "+columns+" FROM "), source, sql(joined+" WHERE "), all(conditions...),
		sql(" ORDER BY d.rid"+r.limit())), nil, narrow)
}

// rowColumns are the columns of a resource's row r that a page has.
const rowColumns = ", r.seq AS seq, r.type AS type, r.id AS id"

// walkResources visits resources in the store's order.
func (r *run) walkResources() error {
	r.trace.way("over the resources in the order of the result, asking each for all criteria")
	var conditions []fragment
	if r.from != nil {
		conditions = append(conditions, sql("r.rid > ?", r.from.rid))
	}
	table := r.resources("r", "resource_type")
	if len(r.types) != 1 {
		table = "resource r" + r.dialect.unindexed()
	}
	if r.query.Looks > 0 {
		if err := r.look(table, conditions); err != nil {
			return err
		}
		if r.looked > 0 {
			conditions = append(conditions, sql("r.rid <= ?", r.looked))
		}
	}
	conditions = append(conditions, r.where("r", "r", -1))
	return r.read(join("", sql("SELECT r.rid AS rid, r.seq AS seq, r.type AS type, r.id AS id FROM "+table+" WHERE "),
		all(conditions...), sql(" ORDER BY r.rid"+r.limit())), nil)
}

// look finds the last resource that the walk over table may look at, when there
// are others behind it.
func (r *run) look(table string, from []fragment) error {
	conditions := from
	if len(r.types) == 1 {
		conditions = append([]fragment{sql("r.deleted = 0"), in("r.type", r.types)}, from...)
	}
	defer r.trace.doing(store.PageStatement)()
	ends := join("", sql("SELECT r.rid FROM "+table+" WHERE "), all(conditions...), sql(" ORDER BY r.rid LIMIT 2 OFFSET ?", int64(r.query.Looks-1)))
	var last []int64
	err := ForEach(r.ctx, r.db, r.dialect.Rebind(ends.sql), ends.args, func(in Rows) error {
		var rid int64
		err := in.Scan(&rid)
		last = append(last, rid)
		return err
	})
	if len(last) == 2 {
		r.looked = last[0]
	}
	return err
}

// resources is the table of resources, by an index on its type when there is
// one type.
func (r *run) resources(alias, index string) string {
	if len(r.types) == 1 {
		return "resource " + alias + r.dialect.by(index)
	}
	return "resource " + alias
}

// left is how many rows the page still takes, with the one that says whether
// there is a next page.
func (r *run) left() int { return r.query.Count + 1 - len(r.records) }

func (r *run) limit() string { return " LIMIT " + strconv.Itoa(r.left()) }

func keyColumn(i int) string { return "k" + strconv.Itoa(i+1) }

// read is readPage of resources' rows.
func (r *run) read(page fragment, keys []sortKey) error {
	_, err := r.readPage(page, keys, false)
	return err
}

// readPage runs the query of a page, whose columns are rid, the keys and, unless
// it is narrow, the rest of a resource's row. It appends records and positions,
// one for rows of one resource behind each other, and says how many rows it read.
func (r *run) readPage(page fragment, keys []sortKey, narrow bool) (rows int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	row, joined := "p", ""
	if narrow {
		row, joined = "r", r.dialect.with("resource", "r", "", "r.rid = p.rid")
	}
	head, order := "SELECT p.rid, "+row+".type, "+row+".id", orderBy("p", keys)
	for i := range keys {
		head += ", p." + keyColumn(i)
	}
	columns, unpack := VersionColumns, r.reader.Unpack
	if r.query.Heads {
		columns, unpack = headColumns, nil
	}
	var types, origins []int64
	var stored versionRow
	var rid, typeNumber int64
	var id, owner string
	values := make([]any, len(keys))
	dest := []any{&rid, &typeNumber, &id}
	for i := range values {
		dest = append(dest, &values[i])
	}
	dest = append(dest, stored.dest()...)
	args := page.args
	asking := r.asking()
	if asking.sql != "" {
		columns, args = columns+", "+asking.sql, slices.Concat(asking.args, args)
		dest = append(dest, &owner)
	}
	before, behind := head+", "+columns+" FROM (", ") p"+joined+r.dialect.with("version", "v", "", "v.seq = "+row+".seq")
	start := len(r.records)
	db := r.db
	if r.short {
		db = short(db)
	}
	defer r.trace.doing(store.PageStatement)()
	err = ForEach(r.ctx, db, r.dialect.Rebind(before+page.sql+behind+order), args, func(in Rows) error {
		if err := in.Scan(dest...); err != nil {
			return err
		}
		if asking.sql != "" && rows == 0 { // it is the same beside all
			if err := r.said(owner); err != nil {
				return err
			}
		}
		rows++
		if n := len(r.positions); n > start && r.positions[n-1].rid == rid {
			return nil
		}
		record, err := stored.record(id, unpack)
		types, origins = append(types, typeNumber), append(origins, stored.origin)
		r.records = append(r.records, record)
		r.positions = append(r.positions, position{keys: slices.Clone(values), rid: rid, own: r.own})
		if err == nil && r.query.Bytes.Full(&r.bytes, record.Body) {
			r.full = true
			return errFull
		}
		return err
	})
	if err != nil && !r.full {
		return rows, err
	}
	if asking.sql != "" && rows == 0 {
		if err := r.ownerBeside(db); err != nil {
			return 0, err
		}
	}
	return rows, r.reader.name(r.ctx, r.db, r.records[start:], types, origins)
}
