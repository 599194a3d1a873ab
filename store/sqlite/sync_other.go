//go:build unix && !linux

package sqlite

import "os"

// syncData makes durable what was written within a file.
func syncData(f *os.File) error { return f.Sync() }
