//go:build unix && !linux

package sqlite

import "os"

// syncData makes durable what was written within a file.
func syncData(f *os.File) error { return f.Sync() }

// syncLog is syncData of a file of SQLite's, if there is that.
func syncLog(uintptr) (code int32, ok bool) { return 0, false }
