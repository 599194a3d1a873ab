package bench

import (
	"fmt"
	"time"
)

// String is one line: name, throughput, latencies.
func (r Result) String() string {
	s := fmt.Sprintf("%-12s %9.0f requests/s  p50 %s  p90 %s  p99 %s", r.Workload, r.PerSecond, short(r.P50), short(r.P90), short(r.P99))
	if r.Failed > 0 {
		s += fmt.Sprintf("  %d FAILED, such as: %s", r.Failed, r.Error)
	}
	return s
}

func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
