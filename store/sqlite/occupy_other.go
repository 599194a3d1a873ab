//go:build unix && !linux

package sqlite

import "os"

// occupy takes the disk's space for a file between two offsets, the second of which
// becomes its size.
func occupy(f *os.File, from, to int64) error { return fill(f, from, to) }
