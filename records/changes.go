package records

import (
	"context"
	"iter"
)

// Seq is a place in the change feed; 0 is before the first change.
type Seq int64

// Change is one version in the feed.
type Change struct {
	Seq Seq
	Resource
}

// Changes returns up to limit changes after a place, in order, without
// missing any. Fewer than limit mean that the end is reached for now.
func (s *Session) Changes(ctx context.Context, after Seq, limit int) ([]Change, error) {
	return nil, errUnready
}

// Watch yields every change after a place, then waits for more until ctx
// ends.
func (s *Session) Watch(ctx context.Context, after Seq) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) { yield(Change{}, errUnready) }
}
