package monitor

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/watch/metric"
)

// tally is what this process answered since it was started.
type tally struct {
	requests, failed atomic.Int64
	buckets          []atomic.Int64 // by metric.Seconds
}

func newTally() *tally { return &tally{buckets: make([]atomic.Int64, len(metric.Seconds)+1)} }

// answered counts an answer. Of those that fail, some say no more than that the server
// refuses for a while.
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
