package sqlite

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// logFile stands behind what SQLite has of an open write-ahead log. SQLite writes
// the pages that a transaction changed one by one, each header by itself; here they
// gather and go to the file by one call of the system.
//
// What is held is of a transaction that is not committed. It goes to the file before
// anything is read, synced or measured, and with the mark of the commit, whether that
// is synced or not: readers have files of their own, and so has whoever comes after a
// killed process. Like the connection, it is used by one goroutine at a time.
type logFile struct {
	methods lib.Tsqlite3_io_methods  // what SQLite calls
	below   *lib.Tsqlite3_io_methods // the file's own
	held    uintptr                  // maxHeld bytes, once something was written
	at      int64                    // where in the file they go
	n       int                      // how many there are
	ends    bool                     // the last frame was a commit's last
	named   bool                     // the directory has the file durably
	watched *logNotes                // which openLogs has, or nil
}

const (
	logFiles = "ingle"   // the name of the file system
	maxHeld  = 1<<17 - 1 // what the file below writes at most by one call
	// A frame is a header and a page (https://sqlite.org/fileformat2.html#walformat).
	frameSize   = 24
	frameLength = frameSize + pageSize
	frameMark   = 4 // not 0 in the last frame of a commit; the page's number stands before it
)

var (
	openBelow   uintptr // how the system's file system opens a file
	logBehind   uintptr // where behind the address of a file its logFile is
	readingName uintptr // readingParameter, as SQLite reads it
)

// installLogFiles adds a file system that is the system's but for logs.
func installLogFiles() error {
	tls := libc.NewTLS()
	defer tls.Close()
	below := (*lib.Tsqlite3_vfs)(pointer(lib.Xsqlite3_vfs_find(tls, 0)))
	vfs := (*lib.Tsqlite3_vfs)(allocate(tls, unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	name, err := libc.CString(logFiles)
	parameter, failed := libc.CString(readingParameter)
	if below == nil || vfs == nil || err != nil || failed != nil {
		return errors.New("sqlite: no memory for a file system")
	}
	openBelow, logBehind, readingName = below.FxOpen, uintptr(below.FszOsFile+7)&^7, parameter
	*vfs = *below
	vfs.FpNext, vfs.FzName, vfs.FxOpen = 0, name, function(xOpenLog)
	vfs.FszOsFile = int32(logBehind + unsafe.Sizeof(logFile{}))
	if code := lib.Xsqlite3_vfs_register(tls, uintptr(unsafe.Pointer(vfs)), 0); code != lib.SQLITE_OK {
		return errors.New("sqlite: the file system was refused")
	}
	return nil
}

func logAt(file uintptr) *logFile { return (*logFile)(pointer(file + logBehind)) }

// xOpenLog opens any file. Of a log it takes over what reads and writes, of a database
// it finds whose reading it is for.
func xOpenLog(tls *libc.TLS, vfs, path, file uintptr, flags int32, opened uintptr) int32 {
	code := called[func(tls *libc.TLS, vfs, path, file uintptr, flags int32, opened uintptr) int32](openBelow)(tls, vfs, path, file, flags, opened)
	if code == lib.SQLITE_OK && flags&lib.SQLITE_OPEN_MAIN_DB != 0 {
		openReading(tls, path)
	}
	if code != lib.SQLITE_OK || flags&lib.SQLITE_OPEN_WAL == 0 {
		return code
	}
	f, l := (*lib.Tsqlite3_file)(pointer(file)), logAt(file)
	below := (*lib.Tsqlite3_io_methods)(pointer(f.FpMethods))
	*l = logFile{methods: *below, below: below}
	if watched, ok := openLogs.Load(libc.GoString(path)); ok {
		l.watched = watched.(*logNotes)
		l.watched.opened.Store(true)
	}
	l.methods.FxClose = function(xCloseLog)
	l.methods.FxRead = function(xReadLog)
	l.methods.FxWrite = function(xWriteLog)
	l.methods.FxTruncate = function(xTruncateLog)
	l.methods.FxSync = function(xSyncLog)
	l.methods.FxFileSize = function(xSizeLog)
	f.FpMethods = uintptr(unsafe.Pointer(&l.methods))
	return code
}

// xWriteLog holds n bytes at p for off, but for the end of a commit.
func xWriteLog(tls *libc.TLS, file, p uintptr, n int32, off int64) int32 {
	l := logAt(file)
	if l.held == 0 {
		if l.held = uintptr(allocate(tls, maxHeld)); l.held == 0 {
			return lib.SQLITE_IOERR_NOMEM
		}
	}
	size := int(n)
	if off != l.at+int64(l.n) || l.n+size > maxHeld {
		if code := l.let(tls, file); code != lib.SQLITE_OK {
			return code
		}
		l.at = off
	}
	written := unsafe.Slice((*byte)(pointer(p)), size)
	copy(unsafe.Slice((*byte)(pointer(l.held)), maxHeld)[l.n:], written)
	l.n += size
	if size == frameSize { // as a whole: the system's file system promises powersafe overwrites
		l.ends = binary.BigEndian.Uint32(written[frameMark:]) != 0
		if l.watched != nil {
			l.watched.changes.change(binary.BigEndian.Uint32(written))
		}
	}
	if !l.ends {
		return lib.SQLITE_OK
	}
	if l.watched != nil && size != frameSize {
		l.watched.end.Store(l.at + int64(l.n))
	}
	return l.let(tls, file)
}

// let writes what is held. Of what cannot be written nothing is held, either: the
// transaction ends, and others may have its place in the file.
func (l *logFile) let(tls *libc.TLS, file uintptr) int32 {
	n := l.n
	if l.n = 0; n == 0 {
		return lib.SQLITE_OK
	}
	return called[func(tls *libc.TLS, file, p uintptr, n int32, off int64) int32](l.below.FxWrite)(tls, file, l.held, int32(n), l.at)
}

func xReadLog(tls *libc.TLS, file, p uintptr, n int32, off int64) int32 {
	l := logAt(file)
	if code := l.let(tls, file); code != lib.SQLITE_OK {
		return code
	}
	return called[func(tls *libc.TLS, file, p uintptr, n int32, off int64) int32](l.below.FxRead)(tls, file, p, n, off)
}

func xTruncateLog(tls *libc.TLS, file uintptr, size int64) int32 {
	l := logAt(file)
	if code := l.let(tls, file); code != lib.SQLITE_OK {
		return code
	}
	return called[func(tls *libc.TLS, file uintptr, size int64) int32](l.below.FxTruncate)(tls, file, size)
}

func xSizeLog(tls *libc.TLS, file, size uintptr) int32 {
	l := logAt(file)
	if code := l.let(tls, file); code != lib.SQLITE_OK {
		return code
	}
	return called[func(tls *libc.TLS, file, size uintptr) int32](l.below.FxFileSize)(tls, file, size)
}

// xSyncLog leaves the first sync to the system's file system, which makes the file's
// name durable as well. Later ones are of the data and what is needed to find it.
func xSyncLog(tls *libc.TLS, file uintptr, flags int32) int32 {
	l := logAt(file)
	if code := l.let(tls, file); code != lib.SQLITE_OK {
		return code
	}
	if l.named {
		if code, ok := syncLog(file); ok {
			return code
		}
	}
	code := called[func(tls *libc.TLS, file uintptr, flags int32) int32](l.below.FxSync)(tls, file, flags)
	l.named = code == lib.SQLITE_OK
	return code
}

// xCloseLog drops what is held, which nobody committed.
func xCloseLog(tls *libc.TLS, file uintptr) int32 {
	l := logAt(file)
	if l.held != 0 {
		release(tls, pointer(l.held))
	}
	return called[func(tls *libc.TLS, file uintptr) int32](l.below.FxClose)(tls, file)
}

// called is the opposite of function.
func called[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }
