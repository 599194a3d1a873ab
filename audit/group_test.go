package audit

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestARequestThatIsAloneDoesNotWait(t *testing.T) {
	var r recorder
	r.Expect()
	r.delay = time.Hour
	commits := 0
	for range 3 {
		if err := r.group(seen("maria 1"), func([]byte, int) error { commits++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if commits != 3 {
		t.Errorf("%d commits", commits)
	}
}

func TestAGroupWaitsForHalfOfTheRequestsUnderWay(t *testing.T) {
	var r recorder
	r.delay = time.Hour
	const n = 16
	for range n {
		r.Expect()
	}
	var commits, events atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			defer r.Unexpect()
			err := r.group(seen("maria 1"), func(b []byte, count int) error {
				all, err := entriesOf(b)
				if err != nil || len(all) != count {
					t.Errorf("%d of %d events, %v", len(all), count, err)
				}
				if commits.Add(1) == 1 && count < n/2 {
					t.Errorf("the first commit has %d events", count)
				}
				events.Add(int64(count))
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if events.Load() != n {
		t.Errorf("%d events in %d commits", events.Load(), commits.Load())
	}
}
