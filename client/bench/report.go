package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
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

// WriteTable writes results as a table for people.
func WriteTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "workload\tresources before\trequests\tfailed\trequests/s\tresources written/s\tp50\tp90\tp99\t")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.0f\t%.0f\t%s\t%s\t%s\t\n", r.Workload, r.Resources, r.Requests, r.Failed, r.PerSecond,
			float64(r.Written)/r.Elapsed.Seconds(), short(r.P50), short(r.P90), short(r.P99))
	}
	return t.Flush()
}

func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
