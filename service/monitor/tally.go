package monitor

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/alerts"
	"github.com/inglehealth/ingle/watch/metric"
)

// tally is what this process answered since it was started.
type tally struct {
	requests, failed atomic.Int64
	buckets          []atomic.Int64 // by metric.Seconds
}

func newTally() *tally { return &tally{buckets: make([]atomic.Int64, len(metric.Seconds)+1)} }

// answered counts an answer. What this server does not do at all is no failure of it.
func (t *tally) answered(status int) {
	t.requests.Add(1)
	if status >= http.StatusInternalServerError && status != http.StatusNotImplemented {
		t.failed.Add(1)
	}
}

func (t *tally) took(d time.Duration) {
	i := 0
	for i < len(metric.Seconds) && d.Seconds() > metric.Seconds[i] {
		i++
	}
	t.buckets[i].Add(1)
}

// now is what was counted until now.
func (t *tally) now(at time.Time, signIns int64) alerts.Window {
	w := alerts.Window{At: at.UTC(), Requests: t.requests.Load(), Failed: t.failed.Load(), SignIns: signIns, Took: make([]int64, len(t.buckets))}
	for i := range t.buckets {
		w.Took[i] = t.buckets[i].Load()
	}
	return w
}

// windowLong is how far a window goes back.
const windowLong = 5 * time.Minute

// history makes windows of what was counted at some times.
type history []alerts.Window

// window notes what was counted until now, and returns what came in the last minutes.
func (h *history) window(now alerts.Window) alerts.Window {
	if len(*h) == 0 {
		*h = history{{At: now.At, Took: make([]int64, len(now.Took))}} // since the start
	}
	*h = append(*h, now)
	for len(*h) > 2 && now.At.Sub((*h)[1].At) >= windowLong {
		*h = (*h)[1:]
	}
	from := (*h)[0]
	w := alerts.Window{At: now.At, Requests: now.Requests - from.Requests, Failed: now.Failed - from.Failed, SignIns: now.SignIns - from.SignIns, Took: make([]int64, len(now.Took))}
	for i := range now.Took {
		w.Took[i] = now.Took[i] - from.Took[i]
	}
	return w
}

// leastRequests is how many requests a share or a percentile is told of.
const leastRequests = 20

// failing is the share of requests that failed, in percent.
func failing(w alerts.Window) (float64, bool) {
	if w.Requests < leastRequests {
		return 0, false
	}
	return 100 * float64(w.Failed) / float64(w.Requests), true
}

// slowest is how long one request of a hundred took, or longer, in seconds.
func slowest(w alerts.Window) (float64, bool) {
	var all int64
	for _, n := range w.Took {
		all += n
	}
	if all < leastRequests {
		return 0, false
	}
	rest, below := float64(all)*0.99, 0.0
	for i, n := range w.Took {
		if i == len(metric.Seconds) {
			break
		}
		if float64(n) >= rest && n > 0 {
			return below + (metric.Seconds[i]-below)*rest/float64(n), true
		}
		rest -= float64(n)
		below = metric.Seconds[i]
	}
	return metric.Seconds[len(metric.Seconds)-1], true
}
