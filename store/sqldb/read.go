package sqldb

import (
	"context"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Read is store.Reader.Read on db.
func (s *Reader) Read(ctx context.Context, db DB, key fhir.Key) (store.Record, error) {
	t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(key.Type)))
	if err != nil {
		return store.Record{}, err
	}
	return s.one(ctx, db, key, "SELECT "+VersionColumns+" FROM resource r"+
		s.Dialect.with("version", "v", "", "v.seq = r.seq")+" WHERE r.type = ? AND r.id = ?", t, Clean(string(key.ID)))
}

// Stored is a version as it was read, its body packed.
type Stored struct{ row versionRow }

// Record unpacks v, the current version of key.
func (s *Reader) Record(ctx context.Context, db DB, key fhir.Key, v *Stored) (store.Record, error) {
	r, err := v.row.record("", s.Unpack)
	if err != nil {
		return r, err
	}
	r.Key = key
	return r, s.Names.originate(ctx, db, &r, v.row.origin)
}

// Lookup reads the current versions of a relation k with columns n, type and
// id, written in the dialect, and calls f for each that exists with its n. It
// unpacks nothing.
func (s *Reader) Lookup(ctx context.Context, db DB, keys string, args []any, f func(n int64, v *Stored)) error {
	return ForEach(ctx, db, "SELECT k.n, "+VersionColumns+" FROM "+keys+
		s.Dialect.with("resource", "r", "", "r.type = k.type AND r.id = k.id")+s.Dialect.with("version", "v", "", "v.seq = r.seq"), args, func(r Rows) error {
		var n int64
		v := new(Stored)
		err := r.Scan(append([]any{&n}, v.row.dest()...)...)
		if err == nil {
			f(n, v)
		}
		return err
	})
}

// ReadVersion is store.Reader.ReadVersion on db.
func (s *Reader) ReadVersion(ctx context.Context, db DB, key fhir.Key, version int64) (store.Record, error) {
	t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(key.Type)))
	if err != nil {
		return store.Record{}, err
	}
	on := "v.rid = r.rid AND v.version = ? AND v.version > 1"
	if version <= 1 {
		on = "v.seq = r.rid AND v.version = ?"
	}
	return s.one(ctx, db, key, "SELECT "+VersionColumns+" FROM resource r"+s.Dialect.with("version", "v", "", on)+
		" WHERE r.type = ? AND r.id = ?", version, t, Clean(string(key.ID)))
}

func (s *Reader) one(ctx context.Context, db DB, key fhir.Key, text string, args ...any) (store.Record, error) {
	var record store.Record
	var v versionRow
	err := ForEach(ctx, db, s.Dialect.Rebind(text), args, func(r Rows) error {
		err := r.Scan(v.dest()...)
		if err == nil {
			record, err = v.record("", s.Unpack)
		}
		return err
	})
	record.Key = key
	switch {
	case err != nil:
		return record, err
	case v.seq == 0:
		return record, store.ErrNotFound
	}
	return record, s.Names.originate(ctx, db, &record, v.origin)
}

// Current is the row of a resource, as a write needs it. Version 0 is a
// placeholder's: others refer to the resource, but it was never there.
type Current struct {
	RID     int64
	Version int64
	Deleted bool
	Seq     int64
	Outline int64
	Copy    []byte // of its index rows, nil when that is with the body
	Body    []byte // nil, or the body if it has the copy
}

// Current returns the row of a resource, RID 0 when there is none.
func (s *Reader) Current(ctx context.Context, db DB, key fhir.Key) (Current, error) {
	t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(key.Type)))
	if err != nil || t == Unknown {
		return Current{}, err
	}
	var c Current
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT rid, version, deleted, seq, outline, idx FROM resource WHERE type = ? AND id = ?"),
		[]any{t, Clean(string(key.ID))}, func(r Rows) error {
			var deleted int64
			err := r.Scan(&c.RID, &c.Version, &deleted, &c.Seq, &c.Outline, &c.Copy)
			c.Deleted = deleted != 0
			return err
		})
	return c, err
}

// Versions adds the versions of those keys, all of one type, that exist.
func (s *Reader) Versions(ctx context.Context, db DB, keys []fhir.Key, out map[fhir.Key]store.VersionInfo) error {
	t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(keys[0].Type)))
	if err != nil || t == Unknown {
		return err
	}
	args := make([]any, 1, len(keys)+1)
	args[0] = t
	for _, k := range keys {
		args = append(args, Clean(string(k.ID)))
	}
	text := "SELECT id, version, deleted FROM resource WHERE version > 0 AND type = ? AND id IN (?" + strings.Repeat(", ?", len(keys)-1) + ")"
	return ForEach(ctx, db, s.Dialect.Rebind(text), args, func(r Rows) error {
		var id string
		var version, deleted int64
		err := r.Scan(&id, &version, &deleted)
		out[fhir.Key{Type: keys[0].Type, ID: fhir.ID(id)}] = store.VersionInfo{Version: version, Deleted: deleted != 0}
		return err
	})
}

// Referrers is store.Reader.Referrers on db.
func (s *Reader) Referrers(ctx context.Context, db DB, key fhir.Key, limit int) ([]fhir.Key, error) {
	t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(key.Type)))
	if err != nil || t == Unknown {
		return nil, err
	}
	return s.keys(ctx, db, "SELECT DISTINCT r.type, r.id FROM reference f"+
		s.Dialect.with("resource", "r", "", "r.rid = f.rid AND r.deleted = 0")+" WHERE f.target = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ?) AND f.rid <> f.target LIMIT "+strconv.Itoa(limit),
		t, Clean(string(key.ID)))
}

// Lost is store.Tx.Lost on db.
func (s *Reader) Lost(ctx context.Context, db DB, key fhir.Key) ([]fhir.Key, error) {
	t, err := s.Names.Find(ctx, db, TypeSpace, Clean(string(key.Type)))
	if err != nil || t == Unknown {
		return nil, err
	}
	return s.keys(ctx, db, "SELECT DISTINCT r.type, r.id FROM reference f"+
		s.Dialect.with("resource", "r", "", "r.rid = f.target AND r.deleted <> 0")+" WHERE f.rid = (SELECT k.rid FROM resource k WHERE k.type = ? AND k.id = ? AND k.deleted = 0)",
		t, Clean(string(key.ID)))
}

// keys are those that a query finds, of types by their numbers.
func (s *Reader) keys(ctx context.Context, db DB, query string, args ...any) ([]fhir.Key, error) {
	var keys []fhir.Key
	var types []int64
	err := ForEach(ctx, db, s.Dialect.Rebind(query), args, func(r Rows) error {
		var n int64
		var id string
		err := r.Scan(&n, &id)
		types, keys = append(types, n), append(keys, fhir.Key{ID: fhir.ID(id)})
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, n := range types {
		t, err := s.Names.Text(ctx, db, n)
		if err != nil {
			return nil, err
		}
		keys[i].Type = fhir.Type(t)
	}
	return keys, nil
}

// Stats is store.Resources.Stats on db.
func (s *Reader) Stats(ctx context.Context, db DB) (map[fhir.Type]int64, error) {
	counts := map[int64]int64{}
	err := ForEach(ctx, db, "SELECT type, count(*) FROM resource WHERE deleted = 0 GROUP BY type", nil, func(r Rows) error {
		var t, n int64
		err := r.Scan(&t, &n)
		counts[t] = n
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make(map[fhir.Type]int64, len(counts))
	for t, n := range counts {
		name, err := s.Names.Text(ctx, db, t)
		if err != nil {
			return nil, err
		}
		out[fhir.Type(name)] = n
	}
	return out, nil
}

// ByKeys reads the current, not deleted resources of a relation k with columns
// type and id, written in the dialect.
func (s *Reader) ByKeys(ctx context.Context, db DB, keys string, args ...any) ([]store.Record, error) {
	records, _, err := s.versions(ctx, db, sql("SELECT r.type, r.id, "+VersionColumns+" FROM "+keys+
		s.Dialect.with("resource", "r", "", "r.type = k.type AND r.id = k.id")+s.Dialect.with("version", "v", "", "v.seq = r.seq")+" WHERE r.deleted = 0", args...), true, search.PageBytes{})
	return records, err
}
