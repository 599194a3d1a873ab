package sqlite

import (
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
)

// slab is what pages are cut from: a few at first, more later. They stand behind
// it.
type slab struct{ next *slab }

const maxSlabPages = 128

// cacheBytes is the memory of the slabs of all caches of the process.
var cacheBytes atomic.Int64

// whole is what a page takes of a slab.
func (c *pageCache) whole() uintptr { return c.pageSize + unsafe.Sizeof(page{}) + c.extraSize }

// cacheLine is what a page and its slab are aligned to: looking at a page is
// one access to memory.
const cacheLine = 64

// cut makes free pages. It fails when there is no memory.
func (c *pageCache) cut(tls *libc.TLS) bool {
	n := min(max(c.made, 2), maxSlabPages)
	if c.purgeable && c.made < c.limit {
		n = min(n, c.limit-c.made)
	}
	size := c.whole()
	s := (*slab)(allocate(tls, unsafe.Sizeof(slab{})+cacheLine+uintptr(n)*size))
	if s == nil {
		return false
	}
	s.next, c.slabs = c.slabs, s
	at := unsafe.Add(unsafe.Pointer(s), unsafe.Sizeof(slab{}))
	at = unsafe.Add(at, -uintptr(at)&(cacheLine-1))
	for range n {
		p := (*page)(unsafe.Add(at, c.pageSize))
		p.buf, p.extra = uintptr(at), uintptr(unsafe.Add(at, c.pageSize+unsafe.Sizeof(page{})))
		p.chain, c.free = c.free, p
		if c.hand == nil {
			c.hand, p.after = p, p
		}
		p.after, c.hand.after = c.hand.after, p
		at = unsafe.Add(at, size)
	}
	c.made += n
	cacheBytes.Add(int64(uintptr(n) * size))
	return true
}

func (c *pageCache) freeSlabs(tls *libc.TLS) {
	for s := c.slabs; s != nil; {
		next := s.next
		release(tls, unsafe.Pointer(s))
		s = next
	}
	cacheBytes.Add(-int64(uintptr(c.made) * c.whole()))
	c.slabs, c.free, c.hand, c.made = nil, nil, nil, 0
}

// grow doubles the table. Without memory it stays, with longer chains.
func (c *pageCache) grow(tls *libc.TLS) {
	n := 2 * len(c.table)
	start := allocate(tls, uintptr(n)*unsafe.Sizeof((*page)(nil)))
	if start == nil {
		return
	}
	old := c.table
	c.table = unsafe.Slice((**page)(start), n)
	for _, p := range old {
		for p != nil {
			next, head := p.chain, c.chain(p.key)
			p.chain, *head = *head, p
			p = next
		}
	}
	c.release(tls, old)
}

func (c *pageCache) release(tls *libc.TLS, table []*page) {
	if &table[0] != &c.first[0] {
		release(tls, unsafe.Pointer(&table[0]))
	}
}

// pointer is for addresses outside Go's heap only.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// allocate returns n bytes of zeros outside Go's heap, nil when there are none.
// The zeros matter: Go's collector looks at what a pointer replaces.
func allocate(tls *libc.TLS, n uintptr) unsafe.Pointer {
	return pointer(libc.Xcalloc(tls, 1, types.Size_t(n)))
}

func release(tls *libc.TLS, p unsafe.Pointer) { libc.Xfree(tls, uintptr(p)) }
