//go:build !unix

package metric

import "time"

func processorTime() (time.Duration, bool) { return 0, false }
