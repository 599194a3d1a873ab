package sqlite

import (
	"os"
	"syscall"

	lib "modernc.org/sqlite/lib"
)

// syncData makes durable what was written within a file.
func syncData(f *os.File) error { return os.NewSyscallError("fdatasync", syncDescriptor(int(f.Fd()))) }

func syncDescriptor(fd int) error {
	for {
		if err := syscall.Fdatasync(fd); err != syscall.EINTR {
			return err
		}
	}
}

// syncLog is syncData of a file of SQLite's, if there is that.
func syncLog(file uintptr) (code int32, ok bool) {
	if syncDescriptor(int((*lib.TunixFile)(pointer(file)).Fh)) != nil {
		return lib.SQLITE_IOERR_FSYNC, true
	}
	return lib.SQLITE_OK, true
}
