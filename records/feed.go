package records

import (
	"context"
	"iter"

	"github.com/inglehealth/ingle/store"
)

// Bounds of what feed reads together.
const (
	feedBatch = 500
	feedBytes = 64 << 20 // of bodies; a batch that has more makes the next smaller
)

// feed yields the versions after a place in the change feed, in batches that
// are not empty, to its end.
func (d *Door) feed(ctx context.Context, after store.Seq) iter.Seq2[[]store.Record, error] {
	return func(yield func([]store.Record, error) bool) {
		for limit := feedBatch / 4; ; {
			batch, err := d.store.Changes(ctx, after, limit, true)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(batch) == 0 {
				return
			}
			after = batch[len(batch)-1].Seq
			size := 0
			for _, r := range batch {
				size += len(r.Body)
			}
			switch {
			case size > feedBytes:
				limit = max(1, limit/4)
			case size < feedBytes/8:
				limit = min(feedBatch, limit*2)
			}
			if !yield(batch, nil) {
				return
			}
		}
	}
}
