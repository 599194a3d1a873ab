package sqldb

import (
	"context"
	"strconv"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Expunge removes up to limit of the versions that x selects, older ones
// first, and returns how many. With a resource's current version its row goes
// too, and unindex is told to remove what its index copy lists.
func (s *Reader) Expunge(ctx context.Context, db Execer, x store.Expunge, limit int64, unindex func(rid int64, copied []byte) error) (int64, error) {
	var which []fragment
	if x.OldVersions {
		which = append(which, sql("v.seq <> r.seq"))
	}
	if x.Deleted {
		which = append(which, sql("r.deleted = 1"))
	}
	if x.Everything {
		which = append(which, sql("1 = 1"))
	}
	if len(which) == 0 {
		return 0, nil
	}
	where, index := either(which...), ""
	switch {
	case x.Key.ID != "":
		current, err := s.Current(ctx, db, x.Key)
		if err != nil {
			return 0, err
		}
		where, index = all(sql("v.rid = ?", current.RID), where), s.Dialect.by("version_rid")
	case x.Key != (fhir.Key{}):
		t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(x.Key.Type)))
		if err != nil {
			return 0, err
		}
		where, index = all(sql("v.type = ?", t), where), s.Dialect.by("version_type")
	}
	type victim struct {
		seq, rid, current int64
		copied, body      []byte
	}
	var victims []victim
	err := ForEach(ctx, db, s.Dialect.Rebind("SELECT v.seq, v.rid, r.seq, CASE WHEN v.seq = r.seq THEN r.idx END, CASE WHEN v.seq = r.seq AND r.idx IS NULL THEN v.body END FROM version v"+index+s.Dialect.Join+
		"resource r ON r.rid = v.rid WHERE "+where.sql+" ORDER BY v.seq LIMIT "+strconv.FormatInt(limit, 10)+s.Dialect.lock("r")), where.args, func(r Rows) error {
		var v victim
		err := r.Scan(&v.seq, &v.rid, &v.current, &v.copied, &v.body)
		victims = append(victims, v)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, v := range victims {
		if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM version WHERE seq = ?"), v.seq); err != nil {
			return 0, err
		}
		if v.seq != v.current {
			continue
		}
		if _, err := db.Exec(ctx, s.Dialect.Rebind("DELETE FROM resource WHERE rid = ?"), v.rid); err != nil {
			return 0, err
		}
		if v.body != nil {
			var err error
			if _, v.copied, err = s.UnpackAll(v.body); err != nil {
				return 0, err
			}
		}
		if err := unindex(v.rid, v.copied); err != nil {
			return 0, err
		}
	}
	return int64(len(victims)), nil
}
