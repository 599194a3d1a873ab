package bench

import (
	"fmt"
	"time"
)

// String is one line: name, throughput, latencies, size of the answers; or why it was not measured.
func (r Result) String() string {
	if r.NotAnswered != "" {
		return fmt.Sprintf("%-17s not answered: %s", r.Workload, r.NotAnswered)
	}
	if r.ResourcesPerSecond > 0 {
		return fmt.Sprintf("%-17s %9.0f resources/s  %s", r.Workload, r.ResourcesPerSecond, r.Note)
	}
	s := fmt.Sprintf("%-17s %9.0f requests/s  p50 %s  p90 %s  p99 %s", r.Workload, r.PerSecond, short(r.P50), short(r.P90), short(r.P99))
	if r.HitsPerSecond > 0 {
		s += fmt.Sprintf("  %.0f hits/s", r.HitsPerSecond)
	}
	if r.Size > 0 {
		s += fmt.Sprintf("  %.3g resources", r.Size)
	}
	if r.Note != "" {
		s += "  " + r.Note
	}
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
