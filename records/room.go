package records

import (
	"context"

	"golang.org/x/sync/semaphore"

	"github.com/inglehealth/ingle/spec/fhir"
)

// room bounds how much is being written at a time. Index entries, rows and the
// statements made of them take many times the memory of the resource they come
// from, so large writes wait for each other; small ones never do.
type room struct{ free *semaphore.Weighted }

const (
	roomNodes  = 400_000 // of the trees being written at once
	smallNodes = 4_000   // a tree that is not counted
)

func newRoom() room { return room{semaphore.NewWeighted(roomNodes)} }

// enter waits until there is room for a tree. One that is larger than all the
// room has it for itself. Who is in must not enter again.
func (r room) enter(ctx context.Context, t *fhir.Tree) (leave func(), err error) {
	n := min(int64(t.Len()), roomNodes)
	if n < smallNodes {
		return func() {}, nil
	}
	if err := r.free.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return func() { r.free.Release(n) }, nil
}
