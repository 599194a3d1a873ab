package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/store/sqldb"
)

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
	l.w = mustConnect(t, l.path, fmt.Sprintf("page_size = %d", pageSize), "journal_mode = WAL", "synchronous = OFF", "wal_autocheckpoint = 2000", "cache_size = 40")
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
