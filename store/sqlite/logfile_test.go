package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
	"pgregory.net/rapid"
)

func logSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestPagesGatherUntilTheCommitWhichIsInTheLogAtOnce(t *testing.T) {
	for _, synchronous := range []string{"OFF", "NORMAL", "FULL"} {
		t.Run(synchronous, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log.db")
			c := mustConnect(t, path, fmt.Sprintf("page_size = %d", pageSize), "journal_mode = WAL", "cache_size = 5", "synchronous = "+synchronous)
			run := func(text string, args ...any) {
				t.Helper()
				if err := c.run(text, args...); err != nil {
					t.Fatal(err)
				}
			}
			run("CREATE TABLE blob (id INTEGER PRIMARY KEY, body BLOB)")
			before := logSize(t, path)
			run("BEGIN")
			body := make([]byte, 20*pageSize) // more than the cache holds
			run("INSERT INTO blob (id, body) VALUES (1, ?)", body)
			if n := logSize(t, path); n != before {
				t.Errorf("of a transaction that goes on %d bytes are in the log", n-before)
			}
			run("COMMIT")
			sameBlobs(t, "a copy after the commit", blobsOf(t, killed(t, path)), map[int64][]byte{1: body})
			if n := logSize(t, path); n < before+20*pageSize {
				t.Errorf("the log grew by %d bytes", n-before)
			}
		})
	}
}

// openedLog is a log as SQLite has it.
type openedLog struct {
	tls     *libc.TLS
	file    uintptr
	methods *lib.Tsqlite3_io_methods
}

func openLog(t *testing.T, path string) *openedLog {
	t.Helper()
	l := &openedLog{tls: libc.NewTLS()}
	name, err := libc.CString(logFiles)
	if err != nil {
		t.Fatal(err)
	}
	vfs := lib.Xsqlite3_vfs_find(l.tls, name)
	file, err := libc.CString(path)
	if err != nil {
		t.Fatal(err)
	}
	v := (*lib.Tsqlite3_vfs)(pointer(vfs))
	l.file = uintptr(allocate(l.tls, uintptr(v.FszOsFile)))
	open := called[func(tls *libc.TLS, vfs, path, file uintptr, flags int32, opened uintptr) int32](v.FxOpen)
	if code := open(l.tls, vfs, file, l.file, lib.SQLITE_OPEN_WAL|lib.SQLITE_OPEN_CREATE|lib.SQLITE_OPEN_READWRITE, 0); code != lib.SQLITE_OK {
		t.Fatalf("open: %d", code)
	}
	l.methods = (*lib.Tsqlite3_io_methods)(pointer((*lib.Tsqlite3_file)(pointer(l.file)).FpMethods))
	t.Cleanup(func() {
		if code := called[func(tls *libc.TLS, file uintptr) int32](l.methods.FxClose)(l.tls, l.file); code != lib.SQLITE_OK {
			t.Errorf("close: %d", code)
		}
		for _, p := range []uintptr{l.file, file, name} {
			release(l.tls, pointer(p))
		}
		l.tls.Close()
	})
	return l
}

func (l *openedLog) write(b []byte, off int64) int32 {
	p := allocate(l.tls, uintptr(len(b)))
	defer release(l.tls, p)
	copy(unsafe.Slice((*byte)(p), len(b)), b)
	return called[func(tls *libc.TLS, file, p uintptr, n int32, off int64) int32](l.methods.FxWrite)(l.tls, l.file, uintptr(p), int32(len(b)), off)
}

func (l *openedLog) read(n int, off int64) ([]byte, int32) {
	p := allocate(l.tls, uintptr(n))
	defer release(l.tls, p)
	code := called[func(tls *libc.TLS, file, p uintptr, n int32, off int64) int32](l.methods.FxRead)(l.tls, l.file, uintptr(p), int32(n), off)
	return bytes.Clone(unsafe.Slice((*byte)(p), n)), code
}

func (l *openedLog) size() (int64, int32) {
	p := (*int64)(allocate(l.tls, 8))
	defer release(l.tls, unsafe.Pointer(p))
	code := called[func(tls *libc.TLS, file, size uintptr) int32](l.methods.FxFileSize)(l.tls, l.file, uintptr(unsafe.Pointer(p)))
	return *p, code
}

// Whatever is written where, in pieces of any length, is what is read, and what is
// in the file after a sync.
func TestALogHoldsWhatWasWritten(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		l := openLog(t, path)
		var want []byte
		fill := byte(0)
		ok := func(what string, code int32) {
			if code != lib.SQLITE_OK {
				rt.Fatalf("%s: %d", what, code)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"write": func(rt *rapid.T) {
				off := rapid.OneOf(rapid.Just(len(want)), rapid.IntRange(0, len(want))).Draw(rt, "off")
				fill++
				b := bytes.Repeat([]byte{fill}, rapid.SampledFrom([]int{8, 24, 32, 512, 2048, 65536}).Draw(rt, "size"))
				if len(b) == frameSize && rapid.Bool().Draw(rt, "goes on") {
					clear(b[frameMark : frameMark+4])
				}
				ok("write", l.write(b, int64(off)))
				if end := off + len(b); end > len(want) {
					want = append(want, make([]byte, end-len(want))...)
				}
				copy(want[off:], b)
			},
			"read": func(rt *rapid.T) {
				if len(want) == 0 {
					rt.Skip("nothing is there")
				}
				off := rapid.IntRange(0, len(want)-1).Draw(rt, "off")
				n := rapid.IntRange(1, len(want)-off).Draw(rt, "size")
				got, code := l.read(n, int64(off))
				ok("read", code)
				if !bytes.Equal(got, want[off:off+n]) {
					rt.Fatalf("%d bytes at %d are not what was written", n, off)
				}
			},
			"size": func(rt *rapid.T) {
				got, code := l.size()
				ok("size", code)
				if got != int64(len(want)) {
					rt.Fatalf("%d bytes, not the %d written", got, len(want))
				}
			},
			"truncate": func(rt *rapid.T) {
				n := 8 * rapid.IntRange(0, len(want)/8).Draw(rt, "size")
				ok("truncate", called[func(tls *libc.TLS, file uintptr, size int64) int32](l.methods.FxTruncate)(l.tls, l.file, int64(n)))
				want = want[:n]
			},
			"sync": func(rt *rapid.T) {
				ok("sync", called[func(tls *libc.TLS, file uintptr, flags int32) int32](l.methods.FxSync)(l.tls, l.file, lib.SQLITE_SYNC_NORMAL))
				got, err := os.ReadFile(path)
				if err != nil || !bytes.Equal(got, want) {
					rt.Fatalf("the file has %d bytes that are not the %d written, %v", len(got), len(want), err)
				}
			},
		})
	})
}

func TestWhatALogCouldNotWriteIsNotWrittenLater(t *testing.T) {
	l := openLog(t, filepath.Join(t.TempDir(), "log"))
	refused := function(func(*libc.TLS, uintptr, uintptr, int32, int64) int32 { return lib.SQLITE_FULL })
	file := logAt(l.file)
	below := *file.below
	broken := below
	broken.FxWrite = refused
	if code := l.write([]byte("one"), 0); code != lib.SQLITE_OK {
		t.Fatalf("write: %d", code)
	}
	file.below = &broken
	if _, code := l.size(); code != lib.SQLITE_FULL {
		t.Errorf("what could not be written: %d", code)
	}
	file.below = &below
	if n, code := l.size(); n != 0 || code != lib.SQLITE_OK {
		t.Errorf("%d bytes came later, %d", n, code)
	}
}
