package records

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// SnapshotRequest selects resources as they were at a place in the change feed.
type SnapshotRequest struct {
	At    Seq         // the place, such as Door.LastSeq
	After Seq         // where a former walk stopped: the Seq of the last change taken; 0 for the start
	Types []fhir.Type // empty: all
	Since time.Time   // only what was changed then or later; zero: all
}

// Snapshot yields the resources as they were at a place in the change feed:
// of each the version that was current then, unless that was a delete, in the
// order of the feed, and only what the session may see. What changes meanwhile
// makes no difference; what is expunged meanwhile may be missing. Two walks
// over the same place give the same.
func (s *Session) Snapshot(ctx context.Context, r SnapshotRequest) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for batch, err := range s.door.feed(ctx, store.Seq(r.After)) {
			if err == nil && batch[0].Seq > store.Seq(r.At) {
				return
			}
			if err == nil {
				batch, err = s.currentAt(ctx, batch, r)
			}
			if err != nil {
				yield(Change{}, s.door.fault(err))
				return
			}
			for _, record := range batch {
				// The content of a Binary is brought back for one at a time.
				res, err := s.resource(ctx, record)
				if errors.Is(err, errWithheld) {
					continue
				}
				if !yield(Change{Seq(record.Seq), res}, err) || err != nil {
					return
				}
			}
		}
	}
}

// currentAt keeps the versions of a batch that belong to the snapshot.
func (s *Session) currentAt(ctx context.Context, batch []store.Record, r SnapshotRequest) ([]store.Record, error) {
	batch = slices.DeleteFunc(batch, func(x store.Record) bool {
		return x.Seq > store.Seq(r.At) || x.Deleted || x.Updated.Before(r.Since) || r.Types != nil && !slices.Contains(r.Types, x.Key.Type)
	})
	versions, err := s.door.store.Versions(ctx, recordKeys(batch))
	if err != nil {
		return nil, err
	}
	kept := batch[:0]
	for _, x := range batch {
		current, err := s.lasted(ctx, x, versions[x.Key].Version, store.Seq(r.At))
		if err != nil {
			return nil, err
		}
		if !current {
			continue
		}
		shown, err := s.changed(ctx, x, smart.Search)
		if err != nil {
			return nil, err
		}
		if shown {
			kept = append(kept, x)
		}
	}
	return kept, nil
}

// lasted says whether no version replaced x before or at a place in the feed.
// now is the version that is current today, 0 when the resource is expunged.
func (s *Session) lasted(ctx context.Context, x store.Record, now int64, at store.Seq) (bool, error) {
	for v := x.Version + 1; v <= now; v++ {
		next, err := s.door.store.ReadVersion(ctx, x.Key, v)
		if err == nil {
			return next.Seq > at, nil
		}
		if !errors.Is(err, store.ErrNotFound) { // an expunged version says nothing
			return false, err
		}
	}
	return now == x.Version, nil
}
