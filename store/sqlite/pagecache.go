package sqlite

import (
	"unsafe"

	"modernc.org/libc"
)

// pageCache holds the pages of one database of one connection, up to the
// connection's cache_size, and keeps the contract of sqlite3_pcache_methods2
// (https://sqlite.org/c3ref/pcache_methods2.html). It has no lock: SQLite comes
// here under the lock of the connection, which one goroutine at a time uses
// anyway, and none of ours shares its cache (docs/decisions/0003-page-cache.md).
//
// It and all it points at but its reading lies outside Go's heap, since SQLite keeps
// addresses of it and computes with them.
type pageCache struct {
	table     []*page // chains of the pages held, by the last bits of their key
	free      *page   // a chain, too
	hand      *page   // the next page that evict looks at
	slabs     *slab
	pageSize  uintptr
	extraSize uintptr
	purgeable bool // false of what lives in memory alone: nothing is evicted
	limit     int  // of pages held, unless more are pinned
	held      int  // pages in the table
	pinned    int  // of these
	made      int  // pages in the slabs
	// No key is above top, none but top above second. While SQLite balances a
	// tree, it has a page under a key far above all others.
	top, second uint32
	first       [64]*page // the first table: many caches are of one statement's temporary table

	// Of a reading connection, which holds it, or nil. When SQLite drops all pages, since
	// something was committed, they stay: those that nobody changed are good still.
	reading *reading
	resets  uint64 // how often that happened, which page.resets is compared with
	seen    int64  // commits that the transaction sees, at least
}

// page is one page of the database. In memory its content stands before it and
// what SQLite notes of it behind.
type page struct {
	buf, extra uintptr // sqlite3_pcache_page, all of it that SQLite sees
	chain      *page   // the next one in the table's chain, or of the free
	after      *page   // in the circle of all
	seen       int64   // commits that the content has, at least
	resets     uint64  // of the cache, when it was found good last
	key        uint32
	state      state
}

type state uint8

const (
	unused state = iota
	pinned       // SQLite uses it
	recent       // it was used since the hand passed
	idle
)

// newPageCache returns nil when there is no memory.
func newPageCache(tls *libc.TLS, pageSize, extraSize uintptr, purgeable bool) *pageCache {
	c := (*pageCache)(allocate(tls, unsafe.Sizeof(pageCache{})))
	if c == nil {
		return nil
	}
	c.table, c.purgeable = c.first[:], purgeable
	c.pageSize = (pageSize + cacheLine - 1) &^ (cacheLine - 1)
	c.extraSize = (unsafe.Sizeof(page{})+extraSize+cacheLine-1)&^(cacheLine-1) - unsafe.Sizeof(page{})
	return c
}

// What fetch does about a page that is not held.
const (
	fetchHeld  = iota // it returns nil
	fetchEasy         // it returns nil when nearly all pages are pinned
	fetchForce        // it returns nil when there is no memory
)

// fetch returns the page of key, pinned. The first word of a new one's extra is
// zero, the rest undefined.
func (c *pageCache) fetch(tls *libc.TLS, key uint32, mode int32) *page {
	for p := *c.chain(key); p != nil; p = p.chain {
		if p.key == key {
			if p.resets != c.resets && !c.unchanged(p) {
				c.drop(p)
				break
			}
			if p.state != pinned {
				p.state = pinned
				c.pinned++
				c.near(p)
			}
			return p
		}
	}
	if mode == fetchHeld || mode == fetchEasy && c.pinned >= c.limit*9/10 {
		return nil
	}
	return c.add(tls, key)
}

// unchanged says whether p, of a transaction that is over, is as this one sees it.
func (c *pageCache) unchanged(p *page) bool {
	if c.reading.changes.since(p.key, p.seen) {
		return false
	}
	p.resets = c.resets
	return true
}

// near reads a byte of each cache line of p and what stands around it, which the
// processor fetches many at a time: SQLite, halving what a key is among, would wait for
// one after the other. It asks p for nothing, which may still be on its way, and is not
// to be inlined, since then nothing of it would be left.
//
//go:noinline
func (c *pageCache) near(p *page) (sum byte) {
	at := uintptr(unsafe.Pointer(p)) - c.pageSize
	for end := at + c.whole(); at < end; at += cacheLine {
		sum += *(*byte)(pointer(at))
	}
	return sum
}

func (c *pageCache) chain(key uint32) **page { return &c.table[int(key)&(len(c.table)-1)] }

func (c *pageCache) add(tls *libc.TLS, key uint32) *page {
	if c.held >= c.limit {
		c.evict()
	}
	if c.free == nil && !c.cut(tls) && !c.evict() {
		return nil
	}
	if 2*c.held >= len(c.table) {
		c.grow(tls)
	}
	p := c.free
	c.free = p.chain
	*(*uintptr)(pointer(p.extra)) = 0
	p.state = pinned
	p.seen, p.resets = c.seen, c.resets
	c.pinned++
	c.link(p, key)
	return p
}

// evict drops a page that was not used lately. It says whether there was one.
func (c *pageCache) evict() bool {
	if !c.purgeable || c.held == c.pinned {
		return false
	}
	for ; c.hand.state != idle; c.hand = c.hand.after {
		if c.hand.state == recent {
			c.hand.state = idle
		}
	}
	c.drop(c.hand)
	return true
}

// link puts p under key.
func (c *pageCache) link(p *page, key uint32) {
	head := c.chain(key)
	p.key, p.chain, *head = key, *head, p
	c.held++
	switch {
	case key > c.top:
		c.second, c.top = c.top, key
	case key < c.top:
		c.second = max(c.second, key)
	}
}

// unlink takes p out of the table.
func (c *pageCache) unlink(p *page) {
	at := c.chain(p.key)
	for *at != p {
		at = &(*at).chain
	}
	*at = p.chain
	c.held--
	if p.key == c.top {
		c.top = c.second
	}
}

// unpin keeps p for as long as there is room, or not at all.
func (c *pageCache) unpin(p *page, discard bool) {
	if discard || c.purgeable && c.held > c.limit {
		c.drop(p)
		return
	}
	p.state = recent
	c.pinned--
}

// drop forgets p, pinned or not.
func (c *pageCache) drop(p *page) {
	c.unlink(p)
	c.discard(p)
}

// discard makes p, which is not in the table, a free one.
func (c *pageCache) discard(p *page) {
	if p.state == pinned {
		c.pinned--
	}
	p.state = unused
	p.chain, c.free = c.free, p
}

// rekey puts p under another key. What is there goes.
func (c *pageCache) rekey(p *page, key uint32) {
	c.unlink(p)
	c.forget(key)
	c.link(p, key)
}

// forget drops the page of key, if there is one.
func (c *pageCache) forget(key uint32) {
	for p := *c.chain(key); p != nil; p = p.chain {
		if p.key == key {
			c.drop(p)
			return
		}
	}
}

// truncate drops all pages from key on, pinned ones, too.
func (c *pageCache) truncate(key uint32) {
	switch {
	case c.reading == nil:
	case key <= 1 && c.pinned == 0:
		c.resets++
		c.seen = c.reading.seen
		return
	case key <= 2 && c.pinned > 0:
		c.reading = nil // after an error: SQLite zeroed page 1, counting on the next reset
	}
	if c.held == 0 || key > c.top {
		return
	}
	if top := int64(c.top); top-int64(key) < int64(len(c.table)) {
		for k := int64(key); k <= top; k++ {
			c.forget(uint32(k))
		}
	} else {
		for i := range c.table {
			for at := &c.table[i]; *at != nil; {
				p := *at
				if p.key < key {
					at = &p.chain
					continue
				}
				*at = p.chain
				c.held--
				c.discard(p)
			}
		}
	}
	c.top = max(key, 1) - 1
	c.second = c.top
}

// resize sets how many pages the cache may hold.
func (c *pageCache) resize(limit int) {
	c.limit = limit
	for c.held > limit && c.evict() {
	}
}

// shrink gives back what memory it can: all of it, when no page is pinned.
func (c *pageCache) shrink(tls *libc.TLS) {
	for c.evict() {
	}
	if c.held == 0 {
		c.freeSlabs(tls)
	}
}

// destroy frees everything, c itself as well.
func (c *pageCache) destroy(tls *libc.TLS) {
	c.freeSlabs(tls)
	c.release(tls, c.table)
	release(tls, unsafe.Pointer(c))
}
