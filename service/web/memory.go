package web

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/inglehealth/ingle/spec/fault"
)

// Hold takes n bytes of the memory for large answers until the exchange ends,
// for an answer that is made before it is sent. It waits for Patience, then
// fails with Unavailable. One that is larger than all the memory has it for
// itself. A small answer takes nothing. Hold is called once.
func (x *Exchange) Hold(ctx context.Context, n int64) error {
	if n = min(n, x.site.config.MaxBodies); n <= free {
		return nil
	}
	err := x.site.answers.reserve(ctx, n, x.site.config.Patience)
	if err == nil {
		x.answer = n
	}
	return err
}

// memory is the budget of all request bodies that are being handled, so that
// many large bodies at once make clients wait instead of the process die.
type memory struct {
	sem *semaphore.Weighted
}

func newMemory(size int64) *memory { return &memory{semaphore.NewWeighted(size)} }

// free is what a body may take without being counted.
const free = 256 << 10

// reserve takes n bytes, waiting for at most patience.
func (m *memory) reserve(ctx context.Context, n int64, patience time.Duration) error {
	if m.sem.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := m.sem.Acquire(ctx, n); err != nil {
		return errBusy()
	}
	return nil
}

// take takes n bytes or fails at once: who holds some already must not wait
// for more.
func (m *memory) take(n int64) error {
	if m.sem.TryAcquire(n) {
		return nil
	}
	return errBusy()
}

func (m *memory) release(n int64) {
	if n > 0 {
		m.sem.Release(n)
	}
}

func errBusy() error {
	return fault.New(fault.Unavailable, fault.CodeTransient, "",
		"The server is busy with other large requests. Try again in a moment, or send less at once.")
}
