// Package cputest measures benchmarks in CPU time, which others on the machine change less
// than the clock.
package cputest

import (
	"testing"
	"time"

	"syscall"
)

// Used is the CPU time that this process has taken since it began, of all its threads.
func Used(tb testing.TB) time.Duration {
	tb.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
