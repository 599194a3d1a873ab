package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// occupy takes the disk's space for a file between two offsets, the second of which
// becomes its size. Nothing is written where the file system can do without.
func occupy(f *os.File, from, to int64) error {
	for {
		err := syscall.Fallocate(int(f.Fd()), 0, from, to-from)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
			return fill(f, from, to)
		}
		return os.NewSyscallError("fallocate", err)
	}
}
