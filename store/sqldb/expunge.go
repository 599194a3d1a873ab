package sqldb

import (
	"context"
	"strconv"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Expunged is what an Expunge leaves to its caller: once the index rows are
// gone, to Sweep.
type Expunged struct {
	Versions  int64
	Resources []int64 // rids of those that are gone whole
}

// Expunge removes up to limit of the versions that x selects, older ones
// first. With a resource's current version all that its row says goes too, and
// unindex is told which index rows to remove.
func (s *Reader) Expunge(ctx context.Context, db Execer, x store.Expunge, limit int64, unindex func(rid int64, rows []Row)) (out Expunged, err error) {
	where, from, err := s.expunged(ctx, db, x)
	if err != nil || where.sql == "" {
		return out, err
	}
	type victim struct {
		seq, rid, deleted int64
		current           Current
	}
	var victims []victim
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT v.seq, v.rid, v.deleted, r.seq, r.outline, CASE WHEN v.seq = r.seq THEN r.idx END, CASE WHEN v.seq = r.seq AND r.idx IS NULL THEN v.body END FROM "+from.sql+s.Dialect.Join+
		"resource r ON r.rid = v.rid WHERE "+where.sql+" ORDER BY v.seq LIMIT "+strconv.FormatInt(limit, 10)+s.Dialect.lock("r")), append(from.args, where.args...), func(r Rows) error {
		var v victim
		err := r.Scan(&v.seq, &v.rid, &v.deleted, &v.current.Seq, &v.current.Outline, &v.current.Copy, &v.current.Body)
		v.current.Deleted = v.deleted != 0
		victims = append(victims, v)
		return err
	})
	if err != nil {
		return out, err
	}
	for _, v := range victims {
		if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM version WHERE seq = ?"), v.seq); err != nil {
			return out, err
		}
		if v.seq != v.current.Seq {
			continue
		}
		if _, err := db.Exec(ctx, s.Dialect.Rebind("UPDATE resource SET seq = 0, version = 0, updated = 0, deleted = 1, outline = 0, idx = NULL WHERE rid = ?"), v.rid); err != nil {
			return out, err
		}
		rows, err := s.Former(ctx, db, v.current)
		if err != nil {
			return out, err
		}
		unindex(v.rid, rows)
		out.Resources = append(out.Resources, v.rid)
	}
	out.Versions = int64(len(victims))
	return out, nil
}

// expunged is the condition on versions v, from, and their resources r; it is
// empty when nothing is to go.
func (s *Reader) expunged(ctx context.Context, db DB, x store.Expunge) (where, from fragment, err error) {
	from = sql("version v")
	var which []fragment
	if x.OldVersions {
		which = append(which, sql("v.seq <> r.seq"))
	}
	if x.Deleted {
		which = append(which, sql("r.deleted = 1"))
	}
	if x.Everything {
		which = append(which, sql(always))
	}
	if len(which) == 0 {
		return where, from, nil
	}
	where = either(which...)
	switch {
	case len(x.Keys) > 0:
		var rids []fragment
		for _, key := range x.Keys {
			current, err := s.Current(ctx, db, key)
			if err != nil {
				return where, from, err
			}
			rids = append(rids, seqsOf(current.RID))
		}
		return all(join("", sql("v.seq IN ("), join(" UNION ALL ", rids...), sql(")")), where), from, nil
	case x.Key.ID != "":
		current, err := s.Current(ctx, db, x.Key)
		return all(versionsOf(current.RID), where), from, err
	case x.Key != (fhir.Key{}):
		t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(x.Key.Type)))
		return where, join("", s.Dialect.ofType(t, nil), sql(" h"+s.Dialect.Join+"version v ON v.seq = h.seq")), err
	}
	return where, from, nil
}

// Sweep removes those of the rows rids of table resource that stand for
// nothing any more: the resource never was, or is expunged, and nothing refers
// to it.
func (s *Reader) Sweep(ctx context.Context, db Execer, rids []int64) error {
	for _, rid := range rids {
		// On PostgreSQL who is about to refer to it holds a lock; then the row stays.
		free := false
		err := ForEach(ctx, db, s.Dialect.Rebind("SELECT rid FROM resource WHERE rid = ? AND version = 0"+s.Dialect.SkipLocked), []any{rid}, func(r Rows) error {
			free = true
			return r.Scan(&rid)
		})
		if err != nil {
			return err
		}
		if !free {
			continue
		}
		if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM resource WHERE rid = ? AND NOT EXISTS (SELECT 1 FROM reference f WHERE f.target = resource.rid)"), rid); err != nil {
			return err
		}
	}
	return nil
}
