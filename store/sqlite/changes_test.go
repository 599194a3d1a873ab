package sqlite

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"modernc.org/libc"
	"pgregory.net/rapid"

	"github.com/inglehealth/ingle/store/sqldb"
)

// keepModel is a database of pages, whose content is the number of the commit that wrote
// it last, one who writes, and the page cache of one who reads. It alone guards that commits
// are counted before a transaction begins: chance hardly ever hits the moment between.
type keepModel struct {
	tls     *libc.TLS
	cache   *pageCache
	content map[uint32][]uint64 // of each commit, the last one last
	open    map[uint32]bool     // pages of the transaction that is not committed
	told    bool                // changes were told of the last commit
	at      int                 // the commit that the reading transaction sees
	pinned  map[uint32]*page
	known   map[uint32]bool // pages that were read
}

const (
	keptPages    = 40
	changedPages = 20 // the first of these change
)

func (m *keepModel) seen() int { return len(m.content[1]) - 1 }

func (m *keepModel) fetch(t *rapid.T, key uint32, mode int32) {
	p := m.cache.fetch(m.tls, key, mode)
	switch {
	case p == nil && m.known[key] && key > changedPages:
		t.Fatalf("page %d was read, nobody changed it, and it is not kept", key)
	case p == nil:
		return
	}
	content, extra := contents(p)
	want := m.content[key][m.at]
	if *note(p) == 0 {
		*note(p) = 1
		content[0], extra[0] = want, want
	} else if content[0] != want || extra[0] != want {
		t.Fatalf("page %d is of commit %d instead of %d, at commit %d", key, content[0], want, m.at)
	}
	m.pinned[key], m.known[key] = p, true
}

// write changes a page, unless changes are to be told first.
func (m *keepModel) write(t *rapid.T) {
	if m.told {
		key := rapid.Uint32Range(1, changedPages).Draw(t, "key")
		m.cache.reading.changes.change(key)
		m.open[key] = true
	}
}

func (m *keepModel) commit() {
	if !m.told {
		return
	}
	n := uint64(m.seen() + 1)
	for key, c := range m.content {
		last := c[len(c)-1]
		if m.open[key] {
			last = n
		}
		m.content[key] = append(c, last)
	}
	clear(m.open)
	m.told = false
}

func (m *keepModel) tell() {
	if !m.told {
		m.cache.reading.changes.commit()
		m.told = true
	}
}

func TestThePageCacheKeepsPagesThatNobodyChanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tls := libc.NewTLS()
		defer tls.Close()
		r := &reading{changes: new(changes)}
		m := &keepModel{tls: tls, cache: newPageCache(tls, testPage, testExtra, true), content: map[uint32][]uint64{}, open: map[uint32]bool{}, told: true,
			pinned: map[uint32]*page{}, known: map[uint32]bool{}}
		m.cache.reading = r
		m.cache.resize(100)
		defer m.cache.destroy(tls)
		for key := range uint32(keptPages) {
			m.content[key+1] = []uint64{0}
		}
		unpin := func() {
			for key, p := range m.pinned {
				m.cache.unpin(p, false)
				delete(m.pinned, key)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write":     func(t *rapid.T) { m.write(t) },
			"roll back": func(*rapid.T) { clear(m.open) },
			"commit":    func(t *rapid.T) { m.commit() },
			"tell":      func(*rapid.T) { m.tell() },
			"begin":     func(*rapid.T) { r.begin() },
			"transaction": func(t *rapid.T) {
				unpin()
				if m.at == m.seen() {
					return
				}
				m.at = m.seen()
				if rapid.Bool().Draw(t, "somebody commits meanwhile") {
					m.tell()
					m.write(t)
					m.commit()
					m.tell()
				}
				m.cache.truncate(1)
			},
			"fetch": func(t *rapid.T) {
				m.fetch(t, rapid.Uint32Range(1, keptPages).Draw(t, "key"), rapid.Int32Range(fetchHeld, fetchForce).Draw(t, "mode"))
			},
			"fetch all": func(t *rapid.T) {
				for key := range uint32(keptPages) {
					m.fetch(t, key+1, fetchForce)
				}
			},
			"unpin": func(*rapid.T) { unpin() },
			"drop": func(t *rapid.T) {
				unpin()
				key := rapid.Uint32Range(2, keptPages).Draw(t, "from")
				m.cache.truncate(key)
				maps.DeleteFunc(m.known, func(k uint32, _ bool) bool { return k >= key })
			},
		})
	})
}

func TestAStoresReadersKeepPagesAndSeeWhatIsWritten(t *testing.T) {
	s, err := Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for n := range int64(5) {
		if err := s.do(t.Context(), func(_ context.Context, t *tx) error {
			return t.writer.conn.run("INSERT OR REPLACE INTO counter (name, value) VALUES ('test', ?)", n)
		}); err != nil {
			t.Fatal(err)
		}
		commits := s.checkpointer.changes.visible.Load()
		if err := s.read(t.Context(), func(c *conn) error {
			if c.reading.seen != commits || readingOf(c.reading.tls) != c.reading {
				t.Errorf("it sees %d commits of %d", c.reading.seen, commits)
			}
			return sqldb.ForEach(t.Context(), c, "SELECT value FROM counter WHERE name = 'test'", nil, func(r sqldb.Rows) error {
				var got int64
				err := r.Scan(&got)
				if got != n {
					t.Errorf("it reads %d of %d", got, n)
				}
				return err
			})
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPageThatSQLiteZeroedIsNotKept(t *testing.T) {
	tls := libc.NewTLS()
	defer tls.Close()
	c := newPageCache(tls, testPage, testExtra, true)
	defer c.destroy(tls)
	c.resize(10)
	c.reading = &reading{changes: new(changes)}
	p := c.fetch(tls, 1, fetchForce)
	c.truncate(2)
	c.unpin(p, false)
	c.truncate(1)
	if c.fetch(tls, 1, fetchHeld) != nil {
		t.Error("page 1 is kept")
	}
}

func TestConnectionsLeaveNoReadings(t *testing.T) {
	count := func() (n int) {
		readings.Range(func(any, any) bool { n++; return true })
		return n
	}
	before, dir := count(), t.TempDir()
	bad := filepath.Join(dir, "bad.db")
	if err := os.WriteFile(bad, bytes.Repeat([]byte("no database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "no", "such.db"), bad} {
		if _, err := connectFor(new(changes), path, "journal_mode = WAL"); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
	c, err := connectFor(new(changes), filepath.Join(dir, "good.db"), "journal_mode = WAL")
	if err != nil {
		t.Fatal(err)
	}
	if count() != before+1 {
		t.Errorf("%d readings of one connection", count()-before)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if count() != before {
		t.Errorf("%d readings are left", count()-before)
	}
}

func TestEachPageHasItsOwnLastChange(t *testing.T) {
	const pages = 1 << changedBits * changedGroups
	c := new(changes)
	for _, page := range []uint32{1, 1<<changedBits - 1, 1 << changedBits, pages / 2, pages - 1} {
		if c.since(page, 0) {
			t.Errorf("page %d is said to have been changed", page)
		}
		c.change(page)
		c.commit()
		commits := c.visible.Load()
		if !c.since(page, commits-1) || c.since(page, commits) {
			t.Errorf("page %d was changed by commit %d", page, commits)
		}
		if c.since(page+1, 0) || !c.since(page+pages, commits-1) {
			t.Errorf("of pages beside %d another thing is said", page)
		}
	}
}

func TestALogOfAnotherNameIsNotReliedOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	if err := private(path); err != nil {
		t.Fatal(err)
	}
	c, err := newCheckpointer(path)
	if err != nil {
		t.Fatal(err)
	}
	c.forget()
	w := mustConnect(t, path, "journal_mode = WAL")
	if c.opened.Load() || c.known() != nil {
		t.Error("pages are kept by what a log says that is not the database's")
	}
	if err := w.run("CREATE TABLE one (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	if c.changes.since(1, 0) {
		t.Error("changes are known of a log that is not watched")
	}
}
