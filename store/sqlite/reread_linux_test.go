package sqlite

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// systemReads is how often the process asked the system to read.
func systemReads(t *testing.T) (n int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Fatal(err)
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
