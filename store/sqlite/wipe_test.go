package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/inglehealth/ingle/store"
)

// A table that was dropped stands in the free pages of its file until these are filled.
func TestFreePagesAreWrittenOver(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	run := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			if err := s.do(ctx, func(_ context.Context, t *tx) error { return t.writer.conn.run(text) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	asked := func(name string) (n int64) {
		t.Helper()
		err := s.do(ctx, func(ctx context.Context, t *tx) (err error) {
			n, err = pragma(ctx, t.writer.conn, name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	copies := func() int {
		t.Helper()
		if err := wipeLog(s.path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte("zebedeus"))
	}
	run("CREATE TABLE junk (a TEXT)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO junk SELECT 'zebedeus was here ' || i FROM n",
		"DROP TABLE junk",
		"INSERT INTO filling (zeros) VALUES (zeroblob(5000))") // as a server leaves it that was killed
	pages, free := asked("page_count"), asked("freelist_count")
	if n := copies(); n < 90_000 || free <= fillPages {
		t.Fatalf("%d copies in %d free pages", n, free)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Expunge(ended, store.Expunge{Fill: true}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := s.Expunge(ctx, store.Expunge{Fill: true}); err != nil {
		t.Fatal(err)
	}
	if n := copies(); n != 0 {
		t.Errorf("%d copies are left", n)
	}
	if more := asked("page_count") - pages; more > 8 {
		t.Errorf("the file has %d pages more", more)
	}
	if left := asked("freelist_count"); left < free {
		t.Errorf("%d pages are free, %d were before", left, free)
	}
}

// A checkpoint refuses another one: what was deleted after it began is copied later.
func TestWhatIsExpungedIsGoneWhileTheLogIsCopied(t *testing.T) {
	s := opened(t)
	run := func(text string, args ...any) {
		t.Helper()
		err := s.do(t.Context(), func(_ context.Context, tx *tx) error {
			return tx.writer.wiping(func() error { return tx.writer.conn.run(text, args...) })
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE TABLE told (a TEXT)")
	run("CREATE TABLE noise (a BLOB)")
	run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO told SELECT 'zebedeus was here ' || i FROM n")
	if err := wipeLog(s.path); err != nil {
		t.Fatal(err)
	}
	for s.checkpointer.end.Load() < s.checkpointer.begin { // until others copy it
		run("INSERT INTO noise (a) VALUES (zeroblob(?))", 2_000_000)
	}
	run("DELETE FROM told")
	if _, err := s.Expunge(t.Context(), store.Expunge{}); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(s.path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("zebedeus")); n > 0 {
			t.Errorf("%d copies are in %s%s", n, fileName, suffix)
		}
	}
}

// A page that a filling takes in part keeps the rest of what it had.
func TestFreePagesAreWrittenOverWhole(t *testing.T) {
	s := opened(t)
	for n := range 40 {
		rows := 500 + 75*n
		for _, text := range []string{
			"CREATE TABLE junk (a TEXT)",
			fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO junk SELECT 'zebedeus was here ' || i FROM n", rows),
			"DROP TABLE junk",
		} {
			if err := s.do(t.Context(), func(_ context.Context, t *tx) error { return t.writer.conn.run(text) }); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Expunge(t.Context(), store.Expunge{Fill: true}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("zebedeus")); n > 0 {
			t.Errorf("of %d rows %d copies are left", rows, n)
		}
	}
}
