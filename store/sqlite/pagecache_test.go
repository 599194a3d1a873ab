package sqlite

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"modernc.org/libc"
	"pgregory.net/rapid"
)

// cacheModel says what a pageCache holds.
type cacheModel struct {
	tls    *libc.TLS
	cache  *pageCache
	limit  int
	pinned map[uint32]*page
	// Of every page that was not dropped: it may be evicted while it is not pinned.
	content map[uint32]uint64
	stamp   uint64
}

// contents are the content of a page and its extra but for the first word, in
// which SQLite notes that the page is set up, and which note returns.
func contents(p *page) (content, extra []uint64) {
	return unsafe.Slice((*uint64)(pointer(p.buf)), testPage/8), unsafe.Slice((*uint64)(pointer(p.extra+8)), testExtra/8-1)
}

func note(p *page) *uint64 { return (*uint64)(pointer(p.extra)) }

func (m *cacheModel) write(key uint32, p *page) {
	m.stamp++
	content, extra := contents(p)
	for _, w := range [][]uint64{content, extra} {
		for i := range w {
			w[i] = m.stamp
		}
	}
	*note(p) = uint64(key) + 1
	m.content[key] = m.stamp
}

const (
	testPage  = 512
	testExtra = 208
)

func (m *cacheModel) fetch(t *rapid.T, key uint32, mode int32) {
	crowded := m.cache.pinned >= m.limit*9/10
	p := m.cache.fetch(m.tls, key, mode)
	was, pinnedBefore := m.pinned[key]
	switch {
	case pinnedBefore && p != was:
		t.Fatalf("page %d is pinned at %p and fetched at %p", key, was, p)
	case p == nil && mode == fetchForce, p == nil && mode == fetchEasy && !crowded:
		t.Fatalf("page %d was not made", key)
	case p == nil:
		return
	}
	if p.buf%8 != 0 || p.extra%8 != 0 {
		t.Fatalf("page %d lies at %x, %x", key, p.buf, p.extra)
	}
	switch noted := *note(p); {
	case noted == 0 && pinnedBefore:
		t.Fatalf("page %d was made anew while pinned", key)
	case noted == 0 && (mode == fetchHeld || mode == fetchEasy && crowded):
		t.Fatalf("page %d was made", key)
	case noted == 0:
		m.write(key, p)
	case noted != uint64(key)+1:
		t.Fatalf("page %d has the notes of page %d", key, noted-1)
	}
	want, known := m.content[key]
	content, extra := contents(p)
	for _, w := range [][]uint64{content, extra} {
		for _, got := range w {
			if !known || got != want {
				t.Fatalf("page %d holds %d instead of %d", key, got, want)
			}
		}
	}
	m.pinned[key] = p
}

func (m *cacheModel) check(t *rapid.T) {
	c := m.cache
	states := map[state]int{}
	if p := c.hand; p != nil {
		for {
			states[p.state]++
			if p = p.after; p == c.hand {
				break
			}
		}
	}
	free := 0
	for p := c.free; p != nil; p = p.chain {
		free++
	}
	held := 0
	for _, p := range c.table {
		for ; p != nil; p = p.chain {
			if _, known := m.content[p.key]; !known || p.key > c.top {
				t.Fatalf("page %d is held, the highest is said to be %d", p.key, c.top)
			}
			held++
		}
	}
	switch {
	case c.pinned != len(m.pinned) || states[pinned] != c.pinned:
		t.Fatalf("%d pinned, %d counted, %d marked", len(m.pinned), c.pinned, states[pinned])
	case held != c.held || states[unused] != free || held+free != c.made:
		t.Fatalf("%d held and %d free of %d; counted: %d held, %d unused", held, free, c.made, c.held, states[unused])
	case c.purgeable && held > max(m.limit, len(m.pinned)):
		t.Fatalf("%d pages are held, %d of them pinned, the limit is %d", held, len(m.pinned), m.limit)
	}
}

func TestThePageCacheNeverLosesAPinnedPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tls := libc.NewTLS()
		defer tls.Close()
		purgeable := rapid.Bool().Draw(t, "purgeable")
		m := &cacheModel{tls: tls, cache: newPageCache(tls, testPage, testExtra, purgeable), pinned: map[uint32]*page{}, content: map[uint32]uint64{}}
		defer m.cache.destroy(tls)
		key := rapid.OneOf(rapid.Uint32Range(1, 40), rapid.Uint32Range(1, 2000), rapid.Just(uint32(524289)), rapid.Uint32())
		pin := func(t *rapid.T) (uint32, *page) {
			if len(m.pinned) == 0 {
				t.Skip("nothing is pinned")
			}
			keys := make([]uint32, 0, len(m.pinned))
			for k := range m.pinned {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			k := rapid.SampledFrom(keys).Draw(t, "pinned")
			return k, m.pinned[k]
		}
		forget := func(from uint32) {
			for k := range m.content {
				if k >= from {
					delete(m.content, k)
					delete(m.pinned, k)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": m.check,
			"size": func(t *rapid.T) {
				m.limit = rapid.IntRange(0, 60).Draw(t, "limit")
				m.cache.resize(m.limit)
			},
			"fetch": func(t *rapid.T) {
				m.fetch(t, key.Draw(t, "key"), rapid.Int32Range(fetchHeld, fetchForce).Draw(t, "mode"))
			},
			"fetch a run": func(t *rapid.T) {
				start, mode := rapid.Uint32Range(1, 2000).Draw(t, "start"), rapid.Int32Range(fetchEasy, fetchForce).Draw(t, "mode")
				for k := range rapid.Uint32Range(1, 300).Draw(t, "length") {
					m.fetch(t, start+k, mode)
				}
			},
			"write": func(t *rapid.T) { k, p := pin(t); m.write(k, p) },
			"unpin": func(t *rapid.T) {
				k, p := pin(t)
				discard := rapid.Bool().Draw(t, "discard")
				m.cache.unpin(p, discard)
				delete(m.pinned, k)
				if discard {
					delete(m.content, k)
				}
			},
			"unpin all": func(*rapid.T) {
				for k, p := range m.pinned {
					m.cache.unpin(p, false)
					delete(m.pinned, k)
				}
			},
			"rekey": func(t *rapid.T) {
				from, p := pin(t)
				to := key.Draw(t, "to")
				if _, taken := m.pinned[to]; taken {
					t.Skip("SQLite never does that")
				}
				m.cache.rekey(p, to)
				stamp := m.content[from]
				delete(m.pinned, from)
				delete(m.content, from)
				m.pinned[to], m.content[to] = p, stamp
				*note(p) = uint64(to) + 1
			},
			"truncate": func(t *rapid.T) {
				from := key.Draw(t, "from")
				m.cache.truncate(from)
				forget(from)
			},
			"truncate all": func(*rapid.T) { m.cache.truncate(0); forget(0) },
			"shrink": func(t *rapid.T) {
				m.cache.shrink(m.tls)
				if len(m.pinned) == 0 && purgeable && m.cache.slabs != nil {
					t.Fatal("memory is kept though no page is pinned")
				}
			},
		})
	})
}

func TestThePageCacheKeepsWhatHasRoomAndWhatIsUsed(t *testing.T) {
	tls := libc.NewTLS()
	defer tls.Close()
	c := newPageCache(tls, testPage, testExtra, true)
	defer c.destroy(tls)
	const limit, used = 100, 20
	c.resize(limit)
	use := func(key uint32) { c.unpin(c.fetch(tls, key, fetchEasy), false) }
	for key := range uint32(limit) {
		use(key)
	}
	for key := range uint32(limit) {
		if p := c.fetch(tls, key, fetchHeld); p == nil {
			t.Errorf("page %d was evicted though there was room", key)
		} else {
			c.unpin(p, false)
		}
	}
	for key := range uint32(2000) {
		use(1000 + key)
		if p := c.fetch(tls, key%used, fetchHeld); p != nil {
			c.unpin(p, false)
		} else if use(key % used); key > limit { // at first all were used alike
			t.Fatalf("page %d, which is often used, was evicted", key%used)
		}
	}
	if c.held != limit || c.made != limit {
		t.Errorf("%d pages are held and %d were made, the limit is %d", c.held, c.made, limit)
	}
}

// BenchmarkLookUp looks keys up in chance order, among few, whose pages the processor's
// caches hold, and among many, all in the page cache.
func BenchmarkLookUp(b *testing.B) {
	key := func(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 0, 8), n*0x9e3779b97f4a7c15) }
	for _, rows := range []uint64{2_000, 1_000_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			c := mustConnect(b, filepath.Join(b.TempDir(), "look.db"), fmt.Sprintf("page_size = %d", pageSize), "journal_mode = WAL", "cache_size = -262144")
			run := func(text string, args ...any) {
				if err := c.run(text, args...); err != nil {
					b.Fatal(err)
				}
			}
			run("CREATE TABLE look (key BLOB PRIMARY KEY, more BLOB NOT NULL) WITHOUT ROWID")
			run("BEGIN")
			for n := range rows {
				run("INSERT INTO look (key, more) VALUES (?, ?)", key(n), make([]byte, 16))
			}
			run("COMMIT")
			run("BEGIN IMMEDIATE") // it is a lookup alone that is measured
			chance := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				run("UPDATE look SET more = more WHERE key = ? AND more <> more", key(chance.Uint64N(rows)))
			}
		})
	}
}
