package sqldb

import (
	"context"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// VersionColumns are the columns of a version's row, alias v, that VersionRow
// reads.
const VersionColumns = "v.seq, " + besideSeq

// besideSeq are VersionColumns without the first.
const besideSeq = "v.version, v.updated, v.origin, v.deleted, v.body"

// headColumns are VersionColumns without the body.
const headColumns = "v.seq, v.version, v.updated, v.origin, v.deleted, NULL AS body"

// smallColumns are VersionColumns with NULL for a body of more than 16 KiB, packed.
const smallColumns = "v.seq, v.version, v.updated, v.origin, v.deleted, CASE WHEN octet_length(v.body) <= 16384 THEN v.body END AS body"

// versionRow is a row of VersionColumns being read.
type versionRow struct {
	seq, version, updated, origin, deleted int64
	body                                   []byte
}

func (v *versionRow) dest() []any {
	return []any{&v.seq, &v.version, &v.updated, &v.origin, &v.deleted, &v.body}
}

// record makes a record of the row, but for its origin; unpack may be nil to
// leave the body out.
func (v *versionRow) record(id string, unpack func([]byte) ([]byte, error)) (store.Record, error) {
	r := store.Record{
		Key: fhir.Key{ID: fhir.ID(id)}, Version: v.version, Seq: store.Seq(v.seq), Updated: Time(v.updated), Deleted: v.deleted != 0,
	}
	if r.Deleted || unpack == nil {
		return r, nil
	}
	var err error
	r.Body, err = unpack(v.body)
	return r, err
}

// Origin is the name of how a version came to be.
func Origin(w *store.Write) string { return w.Method + " " + string(w.Release) }

// originate completes a record with its origin.
func (n *Names) originate(ctx context.Context, db DB, r *store.Record, origin int64) error {
	text, err := n.Text(ctx, db, origin)
	method, release, _ := strings.Cut(text, " ")
	r.Method, r.Release = method, definitions.Release(release)
	return err
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
