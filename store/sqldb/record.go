package sqldb

import (
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// VersionColumns are the columns of a version's row, alias v, that VersionRow
// reads.
const VersionColumns = "v.seq, v.version, v.updated, v.method, v.release, v.deleted, v.body"

// headColumns are VersionColumns without the body.
const headColumns = "v.seq, v.version, v.updated, v.method, v.release, v.deleted, NULL"

// versionRow is a row of VersionColumns being read.
type versionRow struct {
	seq, version, updated, deleted int64
	method, release                string
	body                           []byte
}

func (v *versionRow) dest() []any {
	return []any{&v.seq, &v.version, &v.updated, &v.method, &v.release, &v.deleted, &v.body}
}

// record makes a record of the row; unpack may be nil to leave the body out.
func (v *versionRow) record(id string, unpack func([]byte) ([]byte, error)) (store.Record, error) {
	r := store.Record{
		Key: fhir.Key{ID: fhir.ID(id)}, Version: v.version, Seq: store.Seq(v.seq), Updated: Time(v.updated),
		Method: v.method, Release: definitions.Release(v.release), Deleted: v.deleted != 0,
	}
	if r.Deleted || unpack == nil {
		return r, nil
	}
	var err error
	r.Body, err = unpack(v.body)
	return r, err
}

// Micros is how the tables keep a time: microseconds since the epoch; the zero
// time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
