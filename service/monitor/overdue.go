package monitor

import (
	"time"

	"github.com/inglehealth/ingle/records"
)

// overdue is for how long the first of some jobs has been due and was not taken, or has
// been left by its worker.
func overdue(c records.JobCount, now time.Time) time.Duration {
	switch c.State {
	case "ready":
		return max(0, now.Sub(c.RunAt))
	case "running":
		return max(0, now.Sub(c.Lease))
	}
	return 0
}
