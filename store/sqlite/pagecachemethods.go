package sqlite

import (
	"cmp"
	"fmt"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// errInstalled says why SQLite goes on with a page cache or files of its own. It
// takes another page cache only before anything else is asked of it in the process,
// hence as the program starts.
var errInstalled = cmp.Or(installPageCache(), installLogFiles())

// installPageCache makes pageCache the page cache of the whole process.
func installPageCache() error {
	tls := libc.NewTLS()
	defer tls.Close()
	methods := (*lib.Tsqlite3_pcache_methods2)(allocate(tls, unsafe.Sizeof(lib.Tsqlite3_pcache_methods2{})))
	if methods == nil {
		return fmt.Errorf("sqlite: no memory for the page cache")
	}
	*methods = lib.Tsqlite3_pcache_methods2{
		FiVersion:   1,
		FxInit:      function(func(*libc.TLS, uintptr) int32 { return lib.SQLITE_OK }),
		FxCreate:    function(xCreate),
		FxCachesize: function(func(_ *libc.TLS, c uintptr, n int32) { cacheAt(c).resize(int(n)) }),
		FxPagecount: function(func(_ *libc.TLS, c uintptr) int32 { return int32(cacheAt(c).held) }),
		FxFetch:     function(xFetch),
		FxUnpin:     function(func(_ *libc.TLS, c, p uintptr, discard int32) { cacheAt(c).unpin(pageAt(p), discard != 0) }),
		FxRekey:     function(func(_ *libc.TLS, c, p uintptr, _, key uint32) { cacheAt(c).rekey(pageAt(p), key) }),
		FxTruncate:  function(func(_ *libc.TLS, c uintptr, key uint32) { cacheAt(c).truncate(key) }),
		FxDestroy:   function(func(tls *libc.TLS, c uintptr) { cacheAt(c).destroy(tls) }),
		FxShrink:    function(func(tls *libc.TLS, c uintptr) { cacheAt(c).shrink(tls) }),
	}
	args := allocate(tls, unsafe.Sizeof(uintptr(0)))
	if args == nil {
		return fmt.Errorf("sqlite: no memory for the page cache")
	}
	defer release(tls, args)
	if code := lib.Xsqlite3_config(tls, lib.SQLITE_CONFIG_PCACHE2, libc.VaList(uintptr(args), uintptr(unsafe.Pointer(methods)))); code != lib.SQLITE_OK {
		return fmt.Errorf("sqlite: the page cache was refused with code %d", code)
	}
	return nil
}

func xCreate(tls *libc.TLS, pageSize, extraSize, purgeable int32) uintptr {
	c := newPageCache(tls, uintptr(pageSize), uintptr(extraSize), purgeable != 0)
	if c != nil && c.purgeable { // others are of what is temporary
		c.reading = readingOf(tls)
	}
	return uintptr(unsafe.Pointer(c))
}

func xFetch(tls *libc.TLS, c uintptr, key uint32, mode int32) uintptr {
	return uintptr(unsafe.Pointer(cacheAt(c).fetch(tls, key, mode)))
}

// function is f, which must not be a closure, as SQLite's code calls it.
func function[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

func cacheAt(p uintptr) *pageCache { return (*pageCache)(pointer(p)) }

func pageAt(p uintptr) *page { return (*page)(pointer(p)) }
