package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/store/sqldb"
)

// blobsOf reads the table and checks the whole database.
func blobsOf(t *testing.T, c *conn) map[int64][]byte {
	t.Helper()
	got := map[int64][]byte{}
	err := sqldb.ForEach(t.Context(), c, "SELECT id, body FROM blob", nil, func(r sqldb.Rows) error {
		var id int64
		var body []byte
		err := r.Scan(&id, &body)
		got[id] = body
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var result string
	err = sqldb.ForEach(t.Context(), c, "PRAGMA integrity_check", nil, func(r sqldb.Rows) error { return r.Scan(&result) })
	if err != nil || result != "ok" {
		t.Fatalf("integrity check: %s, %v", result, err)
	}
	return got
}

func sameBlobs(t *testing.T, what string, got, want map[int64][]byte) {
	t.Helper()
	if !maps.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("%s has %d rows that are not the %d written", what, len(got), len(want))
	}
}

// killed opens what another process would find, were this one killed now.
func killed(t *testing.T, path string) *conn {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal", "-journal"} {
		content, err := os.ReadFile(path + suffix)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return mustConnect(t, copied, "cache_size = 5")
}

func mustConnect(t testing.TB, path string, pragmas ...string) *conn {
	t.Helper()
	c, err := connect(path, pragmas...)
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

func TestTransactionsMuchLargerThanTheCacheAreKept(t *testing.T) {
	for name, pragmas := range map[string][]string{
		"log":                  {fmt.Sprintf("page_size = %d", pageSize), "journal_mode = WAL", "cache_size = 12"},
		"log, pages move":      {"page_size = 512", "auto_vacuum = FULL", "journal_mode = WAL", "cache_size = 30"},
		"journal":              {"page_size = 2048", "journal_mode = DELETE", "cache_size = 12"},
		"journal, pages move":  {"page_size = 512", "auto_vacuum = FULL", "journal_mode = DELETE", "cache_size = 0"},
		"journal, one of many": {"page_size = 4096", "journal_mode = TRUNCATE", "cache_size = 1"},
	} {
		t.Run(name, func(t *testing.T) { spill(t, pragmas) })
	}
}

func spill(t *testing.T, pragmas []string) {
	path := filepath.Join(t.TempDir(), "spill.db")
	writer := mustConnect(t, path, append(pragmas, "temp_store = MEMORY", "synchronous = OFF")...)
	reader := mustConnect(t, path, "cache_size = 7", "temp_store = MEMORY")
	run := func(text string, args ...any) {
		t.Helper()
		if err := writer.run(text, args...); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	run("CREATE TABLE blob (id INTEGER PRIMARY KEY, body BLOB)")
	run("CREATE INDEX by_body ON blob (substr(body, 1, 40), id)")
	random := rand.NewChaCha8([32]byte{1})
	r := rand.New(random)
	change := func(state map[int64][]byte, n int) {
		for range n {
			id := r.Int64N(400)
			if r.IntN(3) == 0 {
				run("DELETE FROM blob WHERE id = ?", id)
				delete(state, id)
				continue
			}
			body := make([]byte, 1+r.IntN(1+r.IntN(6000)))
			if _, err := io.ReadFull(random, body); err != nil {
				t.Fatal(err)
			}
			run("INSERT OR REPLACE INTO blob (id, body) VALUES (?, ?)", id, body)
			state[id] = body
		}
	}
	committed := map[int64][]byte{}
	for round := range 12 {
		state := maps.Clone(committed)
		run("BEGIN IMMEDIATE")
		change(state, r.IntN(300))
		inner := maps.Clone(state)
		run("SAVEPOINT inner")
		change(inner, r.IntN(300))
		if r.IntN(2) == 0 {
			run("ROLLBACK TO inner")
			inner = state
		}
		run("RELEASE inner")
		if round%3 == 0 {
			sameBlobs(t, "a copy in the middle of a transaction", blobsOf(t, killed(t, path)), committed)
		}
		if r.IntN(3) == 0 {
			run("ROLLBACK")
		} else {
			run("COMMIT")
			committed = inner
		}
		sameBlobs(t, "the writing connection", blobsOf(t, writer), committed)
		sameBlobs(t, "the reading connection", blobsOf(t, reader), committed)
		switch round {
		case 5:
			run("VACUUM")
		case 8:
			run("PRAGMA shrink_memory")
		}
	}
	if rows, err := reader.Query(context.Background(), "SELECT a.id FROM blob a, blob b WHERE substr(a.body, 1, 9) = substr(b.body, 1, 9) ORDER BY b.body"); err != nil {
		t.Fatal(err)
	} else {
		for rows.Next() {
		}
		rows.Close()
		if rows.Err() != nil {
			t.Error(rows.Err())
		}
	}
}
