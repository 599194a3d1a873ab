package records

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel runs fn for 0 to n-1 on all cores and waits. It ends early only
// with the context; errors are fn's own business.
func parallel(ctx context.Context, n int, fn func(i int)) error {
	return spread(ctx, n, runtime.GOMAXPROCS(0), fn)
}

// spread is parallel with a number of workers, for work that waits.
func spread(ctx context.Context, n, workers int, fn func(i int)) error {
	if workers = min(workers, n); workers <= 1 {
		for i := range n {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fn(i)
		}
		return nil
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				fn(i)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
