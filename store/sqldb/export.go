package sqldb

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Walk is a page of store.Resources.Walk whose bodies are packed.
type Walk struct {
	page store.WalkPage
	rows []versionRow // of page.Items
}

// Walk reads a page. Page unpacks it, when the database is no longer needed.
func (s *Reader) Walk(ctx context.Context, db DB, q store.WalkQuery) (*Walk, error) {
	for {
		w, c, err := s.walk(ctx, db, q)
		if err != nil {
			return w, err
		}
		if again, err := c.learned(); err != nil || !again {
			return w, err
		}
	}
}

func (s *Reader) walk(ctx context.Context, db DB, q store.WalkQuery) (*Walk, *compiler, error) {
	c := s.compiler(ctx, db, &search.Query{Types: []string{string(q.Type)}})
	w := &Walk{}
	places := s.Dialect.placesOf(c.types[0], q.Limit, sql("@ > ?", int64(q.After)), sql("@ <= ?", int64(q.At)))
	var looked, last int64
	text := join("", sql("SELECT count(*), coalesce(max(p.rid), 0) FROM ("), places, sql(" ORDER BY rid LIMIT "+strconv.Itoa(q.Limit)+") p"))
	if err := ForEach(ctx, db, s.Dialect.Rebind(text.sql), text.args, func(r Rows) error { return r.Scan(&looked, &last) }); err != nil {
		return nil, c, err
	}
	w.page.Next, w.page.End = max(q.After, store.Position(last)), looked < int64(q.Limit)
	if looked == 0 {
		return w, c, c.err
	}
	places = s.Dialect.placesOf(c.types[0], 0, sql("@ > ?", int64(q.After)), sql("@ <= ?", last))
	if err := s.readWalk(ctx, db, c, q, places, w); err != nil {
		return nil, c, err
	}
	if err := s.backAt(ctx, db, q, w); err != nil {
		return nil, c, err
	}
	return w, c, c.err
}

// placesOf selects the rids of a type's resources, deleted ones, too, within bounds: those
// among which the first most are, or all if most is 0. PostgreSQL sorts all that there
// are, each time, where each part has no limit of its own.
func (d Dialect) placesOf(number int64, most int, bounds ...fragment) fragment {
	of := func(deleted int64) fragment {
		all := join("", sql("SELECT rid FROM resource"+d.by("resource_type")+" WHERE type = ? AND deleted = ? AND ", number, deleted), at("rid", bounds))
		if most == 0 {
			return all
		}
		return join("", sql("SELECT rid FROM ("), all, sql(" ORDER BY rid LIMIT "+strconv.Itoa(most)+") p"+strconv.FormatInt(deleted, 10)))
	}
	return join(" UNION ALL ", of(0), of(1))
}

// readWalk reads the resources at some places that q is about.
func (s *Reader) readWalk(ctx context.Context, db DB, c *compiler, q store.WalkQuery, places fragment, w *Walk) error {
	wanted := append(updatedWithin("r", q), sql("r.deleted = ?", flag(q.Deleted)))
	if !q.Deleted {
		wanted = append(wanted, c.condition(q.Filter, "r"))
	}
	columns := headColumns
	if q.Bodies {
		columns = VersionColumns
	}
	text := join("", sql("SELECT r.rid, r.id, r.seq, "+columns+", "), c.ownersOf(q), sql(", "), c.targetsOf(q),
		sql(" FROM ("), places, sql(") p"+s.Dialect.with("resource", "r", "", "r.rid = p.rid")+s.Dialect.with("version", "v", "", "v.seq = r.seq")+" WHERE r.version > 0 AND (r.seq > ? OR ", int64(q.At)),
		all(wanted...), sql(") ORDER BY r.rid"))
	if c.err != nil {
		return c.err
	}
	var bytes int64
	err := ForEach(ctx, db, s.Dialect.Rebind(text.sql), text.args, func(r Rows) error {
		var v versionRow
		var rid, seq int64
		var id, owners, targets string
		if err := r.Scan(append(append([]any{&rid, &id, &seq}, v.dest()...), &owners, &targets)...); err != nil {
			return err
		}
		item := store.Walked{Changed: seq > int64(q.At)}
		item.Position, item.Key = store.Position(rid), fhir.Key{Type: q.Type, ID: fhir.ID(id)}
		if !item.Changed {
			for owner := range strings.FieldsSeq(owners) {
				item.Owners = append(item.Owners, fhir.ID(owner))
			}
			for target := range strings.FieldsSeq(targets) {
				n, err := strconv.ParseInt(target, 10, 64)
				if err != nil {
					return err
				}
				item.Targets = append(item.Targets, store.Position(n))
			}
		}
		w.page.Items, w.rows = append(w.page.Items, item), append(w.rows, v)
		if bytes += int64(len(v.body)); q.Bytes > 0 && bytes >= q.Bytes {
			return errFull
		}
		return nil
	})
	if errors.Is(err, errFull) {
		w.page.Next, w.page.End = w.page.Items[len(w.page.Items)-1].Position, false
		return nil
	}
	return err
}

// updatedWithin are the conditions on when the version of alias came to be.
func updatedWithin(alias string, q store.WalkQuery) (conditions []fragment) {
	if !q.Since.IsZero() {
		conditions = append(conditions, sql(alias+".updated >= ?", Micros(q.Since)))
	}
	if !q.Until.IsZero() {
		conditions = append(conditions, sql(alias+".updated < ?", Micros(q.Until)))
	}
	return conditions
}

// ownersOf gives the ids of the Patients to whom r refers by some parameters, with
// spaces between them.
func (c *compiler) ownersOf(q store.WalkQuery) fragment {
	if len(q.Owners) == 0 {
		return sql("''")
	}
	patient := c.typeNumber("Patient")
	f, o := c.alias("f"), c.alias("o")
	ways := make([]fragment, len(q.Owners))
	for i, p := range q.Owners {
		ways[i] = c.linkedTo(p, f, patient)
	}
	return join("", sql("coalesce((SELECT "+c.dialect.Concat+"("+o+".id, ' ') FROM reference "+f+c.dialect.with("resource", o, "", o+".rid = "+f+".target AND "+o+".type = ?")+
		" WHERE "+f+".rid = r.rid AND ", patient), either(ways...), sql("), '')"))
}

// targetsOf gives the rids of all to whom r refers, likewise.
func (c *compiler) targetsOf(q store.WalkQuery) fragment {
	if !q.Targets {
		return sql("''")
	}
	f := c.alias("f")
	return sql("coalesce((SELECT " + c.dialect.Concat + "(CAST(" + f + ".target AS text), ' ') FROM reference " + f + " WHERE " + f + ".rid = r.rid), '')")
}

// backAt puts in the place of what changed since the version that was current then,
// and takes out what there was not.
func (s *Reader) backAt(ctx context.Context, db DB, q store.WalkQuery, w *Walk) error {
	columns := headColumns
	if q.Bodies {
		columns = VersionColumns
	}
	n := 0
	for i, item := range w.page.Items {
		v := w.rows[i]
		if item.Changed {
			v = versionRow{}
			text := join("", sql("SELECT "+columns+" FROM version v WHERE v.seq = (SELECT max(h.seq) FROM ("), seqsOf(int64(item.Position)), sql(") h WHERE h.seq <= ?)", int64(q.At)))
			for _, one := range updatedWithin("v", q) {
				text = all(text, one)
			}
			if err := ForEach(ctx, db, s.Dialect.Rebind(text.sql), text.args, func(r Rows) error { return r.Scan(v.dest()...) }); err != nil {
				return err
			}
			if v.seq == 0 || v.deleted != flag(q.Deleted) {
				continue
			}
		}
		w.page.Items[n], w.rows[n] = item, v
		n++
	}
	w.page.Items, w.rows = w.page.Items[:n], w.rows[:n]
	for i := range w.page.Items {
		r, v := &w.page.Items[i].Record, &w.rows[i]
		r.Version, r.Seq, r.Updated, r.Deleted = v.version, store.Seq(v.seq), Time(v.updated), v.deleted != 0
		if err := s.Names.originate(ctx, db, r, v.origin); err != nil {
			return err
		}
	}
	return nil
}

// Positions is store.Resources.Positions on db.
func (s *Reader) Positions(ctx context.Context, db DB, keys []fhir.Key) (map[fhir.Key]store.Position, error) {
	places := make(map[fhir.Key]store.Position, len(keys))
	for _, key := range keys {
		current, err := s.Current(ctx, db, key)
		if err != nil {
			return nil, err
		}
		if current.RID != 0 {
			places[key] = store.Position(current.RID)
		}
	}
	return places, nil
}

// Page unpacks the bodies, on all cores.
func (w *Walk) Page(unpack func([]byte) ([]byte, error)) (store.WalkPage, error) {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	work := func() {
		for {
			i := next.Add(1) - 1
			if i >= int64(len(w.rows)) {
				return
			}
			if w.rows[i].body == nil {
				continue
			}
			body, err := unpack(w.rows[i].body)
			if err != nil {
				failed.Store(&err)
				return
			}
			w.page.Items[i].Body, w.rows[i].body = body, nil
		}
	}
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(w.rows)/64) {
		workers.Go(work)
	}
	work()
	workers.Wait()
	if err := failed.Load(); err != nil {
		return store.WalkPage{}, *err
	}
	return w.page, nil
}
