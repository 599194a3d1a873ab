package records

import (
	"context"

	"github.com/inglehealth/ingle/spec/fhir"
)

// ReindexProgress says how far a reindex is, and where to go on.
type ReindexProgress struct {
	Position int64
	Read     int64 // resources read
	Written  int64 // resources whose entries were replaced
	Skipped  int64 // resources that changed meanwhile, and so are indexed already
	Refused  int64 // resources that could not be read by the definitions
	Done     bool
}

// ReindexOptions belong to Reindex.
type ReindexOptions struct {
	Types    []fhir.Type                                  // empty: all
	From     ReindexProgress                              // zero: from the start; otherwise where a former run stopped
	Progress func(ReindexProgress) error                  // after each batch; its error stops the run
	Refused  func(key fhir.Key, version int64, err error) // a resource that could not be indexed
}

// Reindex computes the index entries of current resources anew.
func (d *Door) Reindex(ctx context.Context, o ReindexOptions) (ReindexProgress, error) {
	return ReindexProgress{}, errUnready
}
