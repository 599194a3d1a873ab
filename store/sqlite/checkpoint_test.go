package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// checkpointed is a database whose log is copied beside the writer from 100 frames on, and
// by SQLite never. write commits n times a row of some pages.
func checkpointed(t *testing.T) (c *checkpointer, path string, write func(n int)) {
	t.Helper()
	// By another name, as people have them.
	path = filepath.Join(t.TempDir(), "log.db")
	alias := filepath.Join(t.TempDir(), "alias.db")
	if err := errors.Join(private(path), os.Symlink(path, alias)); err != nil {
		t.Fatal(err)
	}
	c, err := newCheckpointer(alias)
	if err != nil {
		t.Fatal(err)
	}
	c.begin, c.more = 100*frameLength, 200*frameLength
	t.Cleanup(c.forget)
	w := mustConnect(t, alias, fmt.Sprintf("page_size = %d", pageSize), "journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 0")
	if err := w.run("CREATE TABLE blob (id INTEGER PRIMARY KEY, body BLOB)"); err != nil {
		t.Fatal(err)
	}
	go c.loop()
	t.Cleanup(c.stop)
	id := 0
	return c, path, func(n int) {
		t.Helper()
		for range n {
			id++
			if err := w.run("INSERT INTO blob (id, body) VALUES (?, ?)", id, make([]byte, 10*pageSize)); err != nil {
				t.Fatal(err)
			}
			c.committed(w)
		}
	}
}

// anew writes until the log begins anew, and says how many rows were written.
func anew(t *testing.T, c *checkpointer, write func(n int)) int {
	t.Helper()
	for n := 1; n < 100_000; n++ {
		before := c.end.Load()
		if write(1); c.end.Load() < before {
			return n
		}
	}
	t.Fatalf("the log has %d frames", c.end.Load()/frameLength)
	return 0
}

func TestALogIsCopiedBesideTheWriterAndBeginsAnew(t *testing.T) {
	c, path, write := checkpointed(t)
	if c.open.Load() {
		t.Error("it has a connection before there is anything to copy")
	}
	rows := 0
	for range 5 {
		rows += anew(t, c, write)
	}
	if !c.open.Load() {
		t.Error("its connection is not counted")
	}
	if n := len(blobsOf(t, killed(t, path))); n != rows {
		t.Errorf("a copy of the files has %d rows of %d", n, rows)
	}
}

func TestALogThatSomebodyReadsIsNotCopiedAtEachCommit(t *testing.T) {
	c, path, write := checkpointed(t)
	write(5)
	rows, err := mustConnect(t, path).Query(t.Context(), "SELECT id FROM blob")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatal("there is no row")
	}
	begun := 0
	for range 1000 {
		before := c.under
		write(1)
		if c.under && !before {
			begun++
		}
	}
	frames := c.end.Load() / frameLength
	if frames < 10_000 {
		t.Errorf("the log has %d frames, although its first ones are read", frames)
	}
	if most := int(frames/200) + 1; begun == 0 || begun > most {
		t.Errorf("%d checkpoints began within %d frames, at most %d should", begun, frames, most)
	}
	rows.Close()
	anew(t, c, write)
}
