package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/libc"
	"pgregory.net/rapid"

	"github.com/inglehealth/ingle/store/sqldb"
)

// keepModel alone guards that commits are counted before a transaction begins: chance
// hardly ever hits the moment between. It is a database of pages, whose content is the number of the commit that wrote
// it last, one who writes, and the page cache of one who reads.
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

// ledger is a database of accounts, whose sum never changes, and two copies of each that
// are always alike, with an index: what is of one commit and what is of another would not agree.
type ledger struct {
	path    string
	c       *checkpointer
	w       *conn
	chance  *rand.Rand
	commits atomic.Int64 // that can be seen
}

const (
	accounts = 3_000
	fortune  = 1_000_000
)

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{path: filepath.Join(t.TempDir(), "ledger.db"), chance: rand.New(rand.NewPCG(1, 2))}
	if err := private(l.path); err != nil {
		t.Fatal(err)
	}
	c, err := newCheckpointer(l.path)
	if err != nil {
		t.Fatal(err)
	}
	l.c = c
	c.begin, c.more = 500*frameLength, 200*frameLength
	t.Cleanup(c.forget)
	l.w = mustConnect(t, l.path, "page_size = 2048", "journal_mode = WAL", "synchronous = OFF", "wal_autocheckpoint = 2000", "cache_size = 40")
	go c.loop()
	t.Cleanup(c.stop)
	l.run(t, "CREATE TABLE one (id INTEGER PRIMARY KEY, has INTEGER NOT NULL, more BLOB)")
	l.run(t, "CREATE TABLE two (id INTEGER, has INTEGER, more BLOB, PRIMARY KEY (has, id)) WITHOUT ROWID")
	l.run(t, "CREATE TABLE count (commits INTEGER)")
	l.run(t, "BEGIN")
	l.run(t, "INSERT INTO count (commits) VALUES (0)")
	for id := range accounts {
		has := 0
		if id == 0 {
			has = fortune
		}
		l.put(t, id, has)
	}
	l.run(t, "COMMIT")
	c.changes.commit()
	return l
}

func (l *ledger) run(t *testing.T, text string, args ...any) {
	t.Helper()
	if err := l.w.run(text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func (l *ledger) put(t *testing.T, id, has int) {
	t.Helper()
	more := make([]byte, l.chance.IntN(100))
	l.run(t, "DELETE FROM two WHERE has = (SELECT has FROM one WHERE id = ?) AND id = ?", id, id)
	l.run(t, "INSERT OR REPLACE INTO one (id, has, more) VALUES (?, ?, ?)", id, has, more)
	l.run(t, "INSERT INTO two (id, has, more) VALUES (?, ?, ?)", id, has, more)
}

func (l *ledger) has(t *testing.T, id int) (has int) {
	t.Helper()
	if err := sqldb.ForEach(t.Context(), l.w, "SELECT has FROM one WHERE id = ?", []any{id}, func(r sqldb.Rows) error {
		var n int64
		err := r.Scan(&n)
		has = int(n)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return has
}

// transact moves something between some accounts, now and then much, or nothing.
func (l *ledger) transact(t *testing.T) {
	t.Helper()
	l.run(t, "BEGIN IMMEDIATE")
	l.run(t, "UPDATE count SET commits = commits + 1")
	n := 1
	if l.chance.IntN(50) == 0 {
		n = 400 // more than the cache holds: pages go to the log before the commit
	}
	for range n {
		from, to := l.chance.IntN(accounts), l.chance.IntN(accounts)
		if from == to {
			continue
		}
		a, b := l.has(t, from), l.has(t, to)
		much := l.chance.IntN(a + 1)
		l.put(t, from, a-much)
		l.put(t, to, b+much)
	}
	if l.chance.IntN(6) == 0 {
		l.run(t, "SAVEPOINT back")
		l.run(t, "UPDATE one SET has = 0, more = randomblob(50) WHERE id % 7 = 0")
		l.run(t, "DELETE FROM two")
		l.run(t, "ROLLBACK TO back")
		l.run(t, "RELEASE back")
	}
	if l.chance.IntN(8) == 0 {
		l.run(t, "ROLLBACK")
		return
	}
	l.run(t, "COMMIT")
	l.commits.Add(1)
	l.c.changes.commit()
	l.c.committed(l.w)
	if l.chance.IntN(40) == 0 {
		how := []string{"PASSIVE", "RESTART", "TRUNCATE"}[l.chance.IntN(3)]
		if _, err := l.w.checkpoint(how); err != nil {
			t.Fatal(err)
		}
	}
}

// reads opens a connection that keeps pages.
func (l *ledger) reads(t *testing.T, pages int) *conn {
	t.Helper()
	c, err := connectFor(l.c.known(), l.path, "busy_timeout = 10000", "query_only = 1", fmt.Sprintf("cache_size = %d", pages), "temp_store = MEMORY")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// sums are of one statement, and so of one commit.
func sums(ctx context.Context, c *conn) error {
	return sqldb.ForEach(ctx, c, "SELECT (SELECT sum(has) FROM one), (SELECT sum(has) FROM two), (SELECT count(*) FROM one JOIN two USING (id, has))", nil, func(r sqldb.Rows) error {
		var one, two, alike int64
		err := r.Scan(&one, &two, &alike)
		if one != fortune || two != fortune || alike != accounts {
			err = errors.Join(err, fmt.Errorf("the sums are %d and %d, and %d accounts are alike", one, two, alike))
		}
		return err
	})
}

// counts says whether so many commits are seen.
func counts(ctx context.Context, c *conn, commits int64) error {
	return sqldb.ForEach(ctx, c, "SELECT commits FROM count", nil, func(r sqldb.Rows) error {
		var n int64
		err := r.Scan(&n)
		if n < commits {
			err = errors.Join(err, fmt.Errorf("%d commits are seen of %d", n, commits))
		}
		return err
	})
}

// some are single accounts, looked up in both tables, and so few pages.
func some(ctx context.Context, c *conn, chance *rand.Rand) error {
	id := chance.IntN(accounts)
	return sqldb.ForEach(ctx, c, "SELECT count(*) FROM one JOIN two ON two.id = one.id AND two.has = one.has WHERE one.id BETWEEN ? AND ?", []any{id, id}, func(r sqldb.Rows) error {
		var n int64
		err := r.Scan(&n)
		if n != 1 {
			err = errors.Join(err, fmt.Errorf("account %d is there %d times", id, n))
		}
		return err
	})
}

func TestWhoReadsSeesOneCommitThoughPagesAreKept(t *testing.T) {
	l, ctx := newLedger(t), t.Context()
	var over atomic.Bool
	var readers sync.WaitGroup
	for n, pages := range []int{8000, 150, 20} {
		c, chance := l.reads(t, pages), rand.New(rand.NewPCG(3, uint64(n)))
		readers.Go(func() {
			for !over.Load() {
				commits := l.commits.Load()
				c.reading.begin()
				err := counts(ctx, c, commits)
				switch chance.IntN(20) {
				case 0:
					err = errors.Join(err, sums(ctx, c))
				case 1:
					err = errors.Join(err, c.run("BEGIN"), some(ctx, c, chance), sums(ctx, c), some(ctx, c, chance), c.run("COMMIT"))
				default:
					err = errors.Join(err, some(ctx, c, chance), some(ctx, c, chance))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for begin := time.Now(); time.Since(begin) < 2*time.Second && !t.Failed(); {
		l.transact(t)
	}
	over.Store(true)
	readers.Wait()
	if err := sums(ctx, l.reads(t, 100)); err != nil {
		t.Error(err)
	}
}

// systemReads is how often the process asked the system to read.
func systemReads(t *testing.T) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip("this system does not count what is read")
	}
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "syscr: %d", &n); err == nil {
			return n
		}
	}
	t.Fatalf("no syscr in %s", text)
	return 0
}

func TestPagesThatNobodyChangedAreNotReadAgain(t *testing.T) {
	l, ctx := newLedger(t), t.Context()
	c := l.reads(t, 8000)
	reads := func() int {
		before := systemReads(t)
		c.reading.begin()
		if err := sums(ctx, c); err != nil {
			t.Fatal(err)
		}
		return systemReads(t) - before
	}
	all := reads()
	for range 5 {
		l.run(t, "UPDATE count SET commits = commits + 1")
		l.c.changes.commit()
		if again := reads(); again > all/10 {
			t.Errorf("%d reads of the files, %d the first time, though one page was changed", again, all)
		}
	}
	if all < 100 {
		t.Errorf("%d reads at first: these are not many pages", all)
	}
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
