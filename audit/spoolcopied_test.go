package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store/postgres"
)

// Of two processes that take up copies of one spool at the same time each event is brought by one.
func TestASpoolThatWasCopiedIsTakenUpOnceByProcessesAtOncePostgreSQL(t *testing.T) {
	url, schema, dir := pgtest.URL(t), pgtest.Schema(), t.TempDir()
	const processes, waiting = 4, 300 // more than are brought together
	var stores [processes]*small
	for n := range stores {
		s, err := postgres.Open(t.Context(), url, schema)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		stores[n] = &small{Audit: s}
	}
	path := func(n int) string { return filepath.Join(dir, fmt.Sprint("spool", n)) }
	l := openSpooled(t, stores[0], path(0))
	stores[0].full.Store(true)
	record(t, l, 0, waiting)
	closed(t, l)
	stores[0].full.Store(false)
	file, err := os.ReadFile(path(0))
	if err != nil {
		t.Fatal(err)
	}
	for n := range processes {
		if err := os.WriteFile(path(n), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var logs [processes]*Log
	var wg sync.WaitGroup
	for n, s := range stores {
		wg.Go(func() {
			var err error
			if logs[n], err = Open(t.Context(), Config{Store: s, Secret: plain{'k'}, Origin: base, Spool: path(n)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	got, alerts := told(t, logs[0])
	slices.Sort(got)
	want := requests(waiting)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%d events of %d are in the log", len(got), waiting)
	}
	for _, a := range alerts {
		if !strings.Contains(a, "another process took up a copy of it") {
			t.Error(a)
		}
	}
	for _, l := range logs {
		if n := l.room.spool.holds(); n != 0 {
			t.Errorf("%d events wait", n)
		}
		if r, err := l.Verify(t.Context(), Verification{Found: func(p string) { t.Error(p) }}); err != nil || r.Problems != 0 {
			t.Errorf("%+v %v", r, err)
		}
		closed(t, l)
	}
}

// What a store says was taken up, and the log does not have, is not lost.
func TestASpoolWaitsIfWhatWasTakenUpOfItIsNotInTheLog(t *testing.T) {
	s, path := openSmall(t), filepath.Join(t.TempDir(), "spool")
	l := openSpooled(t, s, path)
	defer closed(t, l)
	s.full.Store(true)
	record(t, l, 0, 3)
	s.full.Store(false)
	if err := s.TakeUpAudit(t.Context(), seen("p9 1").append(nil), spoolTarget(l.room.spool.id), 0, 3); err != nil {
		t.Fatal(err)
	}
	if err := l.drain(t.Context()); err == nil || l.room.spool.holds() != 3 {
		t.Errorf("%v: %d events wait", err, l.room.spool.holds())
	}
}
