package sqldb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// History is store.Resources.History on db.
func (s *Reader) History(ctx context.Context, db DB, q store.HistoryQuery) (store.HistoryPage, error) {
	for {
		page, c, err := s.history(ctx, db, q)
		if err != nil {
			return page, err
		}
		if again, err := c.learned(); err != nil || !again {
			return page, err
		}
	}
}

func (s *Reader) history(ctx context.Context, db DB, q store.HistoryQuery) (store.HistoryPage, *compiler, error) {
	var page store.HistoryPage
	of := &search.Query{}
	if q.Type != "" {
		of.Types = []string{string(q.Type)}
	}
	c := s.compiler(ctx, db, of)
	print := historyPrints(q)
	where, bounds, err := s.historyCondition(c, q)
	if err != nil {
		return page, c, err
	}
	some, err := s.places(c, q)
	if err != nil {
		return page, c, err
	}
	from, _ := c.history(q, some, bounds)
	counts := join("", sql("SELECT count(*), count(CASE WHEN v.seq <> r.seq THEN 1 END)"), from, some.where(c, q, where))
	if err := ForEach(ctx, db, s.Dialect.Rebind(counts.sql), counts.args, func(r Rows) error { return r.Scan(&page.Total, &page.Former) }); err != nil {
		return page, c, err
	}
	if q.Count <= 0 || page.Total == 0 {
		return page, c, nil
	}
	if some != nil && !some.few {
		some = nil
	}
	if q.After != "" {
		p, err := decodePosition(q.After, print, nil)
		if err != nil {
			return page, c, err
		}
		bounds = append(bounds, sql("@ < ?", p.rid))
	}
	from, number := c.history(q, some, bounds)
	where = some.where(c, q, where)
	if c.err != nil {
		return page, c, c.err
	}
	var full bool
	page.Records, full, err = s.versions(ctx, db, join("", sql("SELECT r.type, r.id, "+number+" AS seq, "+besideSeq), from, where,
		sql(" ORDER BY seq DESC LIMIT "+strconv.Itoa(q.Count+1))), true, q.Bytes)
	if n := len(page.Records); err == nil && (n > q.Count || full) {
		n = min(n, q.Count)
		page.Records = page.Records[:n]
		page.Next = position{rid: int64(page.Records[n-1].Seq)}.encode(print)
	}
	return page, c, err
}

// historyPrints leaves the filter out: it is what may be seen, which may change
// while somebody goes on.
func historyPrints(q store.HistoryQuery) prints {
	p := fingerprint("history", string(q.Type), string(q.ID), fmt.Sprint(Micros(q.Since), Micros(q.At), Micros(q.AtEnd), q.Former))
	return func(position) uint64 { return p }
}

// history is where a history's versions v and their resources r come from: some
// places, all, or those of its type, within bounds on their number, which is @ there.
// number is that column: by it the databases read them in order.
func (c *compiler) history(q store.HistoryQuery, some *places, bounds []fragment) (from fragment, number string) {
	with := c.dialect.with("resource", "r", "", "r.rid = v.rid") + " WHERE "
	var numbers fragment
	switch {
	case some != nil:
		numbers = some.versions(c, bounds)
	case q.Type == "" || q.ID != "":
		return join("", sql(" FROM version v"+with), at("v.seq", bounds), sql(" AND ")), "v.seq"
	default:
		numbers = c.dialect.ofType(c.typeNumber(string(q.Type)), bounds)
	}
	return join("", sql(" FROM "), numbers, sql(" h"+c.dialect.with("version", "v", "", "v.seq = h.seq")+with)), "h.seq"
}

// ofType selects the numbers of a type's versions. That of the first is the
// resource's rid; the others have an index of their own.
func (d Dialect) ofType(number int64, bounds []fragment) fragment {
	first := func(deleted int64) fragment {
		return join("", sql("SELECT rid AS seq FROM resource"+d.by("resource_type")+" WHERE type = ? AND deleted = ? AND ", number, deleted), at("rid", bounds))
	}
	later := join("", sql("SELECT seq FROM version"+d.by("version_type")+" WHERE type = ? AND seq <> rid AND ", number), at("seq", bounds))
	return join("", sql("("), join(" UNION ALL ", first(0), first(1), later), sql(")"))
}

// at puts a column into bounds; none are true.
func at(column string, bounds []fragment) fragment {
	f := all(append([]fragment{sql(always)}, bounds...)...)
	f.sql = strings.ReplaceAll(f.sql, "@", column)
	return f
}

// historyCondition is what a history's versions v and resources r fulfil besides its
// filter, and the bounds of the versions' numbers.
func (s *Reader) historyCondition(c *compiler, q store.HistoryQuery) (where fragment, bounds []fragment, err error) {
	conditions := []fragment{sql(always)}
	if q.ID != "" {
		current, err := s.Current(c.ctx, c.db, fhir.Key{Type: q.Type, ID: q.ID})
		if err != nil {
			return where, nil, err
		}
		conditions = append(conditions, versionsOf(current.RID))
	}
	if !q.Since.IsZero() {
		since := Micros(q.Since)
		conditions = append(conditions, sql("v.updated >= ?", since))
		if q.ID == "" {
			bounds = append(bounds, sql("@ >= (SELECT min(o.seq) FROM version o WHERE o.updated >= ?)", since))
		}
	}
	if !q.At.IsZero() {
		at := Micros(q.At)
		end := max(at, Micros(q.AtEnd))
		conditions = append(conditions, sql("v.updated <= ?", end), not(s.Dialect.exists(sql("SELECT 1 FROM version n"+s.Dialect.by("version_rid")+
			" WHERE n.rid = v.rid AND n.version > v.version AND n.version > 1 AND n.updated <= ?", at))))
	}
	if q.Former {
		conditions = append(conditions, sql("v.seq <> r.seq"))
	}
	if q.Filter != nil {
		conditions = append(conditions, sql("r.deleted = 0"))
	}
	return all(conditions...), bounds, c.err
}

// versionsOf selects a resource's versions v. The first has its rid as seq, and
// only the others are in the index.
func versionsOf(rid int64) fragment { return join("", sql("v.seq IN ("), seqsOf(rid), sql(")")) }

// seqsOf selects the places of a resource's versions.
func seqsOf(rid int64) fragment {
	return sql("SELECT CAST(? AS bigint) AS seq UNION ALL SELECT o.seq FROM version o WHERE o.rid = ? AND o.version > 1", rid, rid)
}

// Changes reads versions after a place in the order of seq, up to and
// including the one numbered until (0: to the end).
func (s *Reader) Changes(ctx context.Context, db DB, from, until store.Seq, limit int, bodies bool) ([]store.Record, error) {
	if limit <= 0 {
		return nil, nil
	}
	where := sql("v.seq > ?", int64(from))
	if until > 0 {
		where = all(where, sql("v.seq <= ?", int64(until)))
	}
	columns := VersionColumns
	if !bodies {
		columns = "v.seq, v.version, v.updated, v.origin, v.deleted, NULL"
	}
	records, _, err := s.versions(ctx, db, join("", sql("SELECT r.type, r.id, "+columns+" FROM version v"+
		s.Dialect.with("resource", "r", "", "r.rid = v.rid")+" WHERE "), where, sql(" ORDER BY v.seq LIMIT "+strconv.Itoa(limit))), bodies, search.PageBytes{})
	return records, err
}

// Batch reads up to limit current, not deleted resources of a type ("" for
// all) in the store's order after a position.
func (s *Reader) Batch(ctx context.Context, db DB, t fhir.Type, from store.Position, limit int) ([]store.Positioned, error) {
	q := &search.Query{Count: limit - 1}
	if t != "" {
		q.Types = []string{string(t)}
	}
	r := &run{compiler: s.compiler(ctx, db, q), reader: s, query: q, from: &position{rid: int64(from)}}
	if err := r.walkResources(); err != nil {
		return nil, err
	}
	out := make([]store.Positioned, len(r.records))
	for i := range out {
		out[i] = store.Positioned{Record: r.records[i], Position: store.Position(r.positions[i].rid)}
	}
	return out, r.err
}

// versions runs a query of type, id and VersionColumns. full says that it
// stopped early because of the bodies' size.
func (s *Reader) versions(ctx context.Context, db DB, f fragment, bodies bool, size search.PageBytes) (records []store.Record, full bool, err error) {
	unpack := s.Unpack
	if !bodies {
		unpack = nil
	}
	var types, origins []int64
	var sum int64
	err = ForEach(ctx, db, s.Dialect.Rebind(f.sql), f.args, func(r Rows) error {
		var v versionRow
		var t int64
		var id string
		if err := r.Scan(append([]any{&t, &id}, v.dest()...)...); err != nil {
			return err
		}
		record, err := v.record(id, unpack)
		records, types, origins = append(records, record), append(types, t), append(origins, v.origin)
		if err == nil && size.Full(&sum, record.Body) {
			full = true
			return errFull
		}
		return err
	})
	if err != nil && !full {
		return nil, false, err
	}
	return records, full, s.name(ctx, db, records, types, origins)
}

// name completes records with their types and origins.
func (s *Reader) name(ctx context.Context, db DB, records []store.Record, types, origins []int64) error {
	for i := range records {
		t, err := s.Names.Text(ctx, db, types[i])
		if err != nil {
			return err
		}
		records[i].Key.Type = fhir.Type(t)
		if err := s.Names.originate(ctx, db, &records[i], origins[i]); err != nil {
			return err
		}
	}
	return nil
}
