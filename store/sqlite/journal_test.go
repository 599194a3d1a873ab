package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inglehealth/ingle/store"
)

// reopened opens the store in a folder anew.
func reopened(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// numbered gives numbers to up to limit groups and returns them.
func numbered(t *testing.T, s *Store, limit int) (all []string) {
	t.Helper()
	_, err := s.SealAudit(t.Context(), limit, func(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
		for _, g := range groups {
			all = append(all, string(g))
		}
		n := len(groups)
		return &store.AuditSeal{
			Groups: n, Block: store.AuditBlock{First: last.Size, Count: n, Body: []byte("b")},
			Head: store.AuditHead{Size: last.Size + int64(n), Note: []byte("note")},
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func appendGroups(t *testing.T, s *Store, groups ...string) {
	t.Helper()
	for _, g := range groups {
		if err := s.AppendAudit(t.Context(), []byte(g)); err != nil {
			t.Fatal(err)
		}
	}
}

func wantGroups(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", when, got, want)
	}
}

func TestGroupsWithoutNumbersAreThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := reopened(t, dir)
	appendGroups(t, s, "a", "b", "c")
	wantGroups(t, "the first two", numbered(t, s, 2), "a", "b")
	must(t, s.Close())
	s = reopened(t, dir)
	appendGroups(t, s, "d")
	wantGroups(t, "after a restart", numbered(t, s, 10), "c", "d")
	must(t, s.Close())
	s = reopened(t, dir)
	wantGroups(t, "when all have theirs", numbered(t, s, 10))
	appendGroups(t, s, "e")
	must(t, s.Close())
	s = reopened(t, dir)
	defer func() { must(t, s.Close()) }()
	wantGroups(t, "what was written over the first", numbered(t, s, 10), "e")
}

// A crash may leave the last group half written.
func TestAGroupThatIsNotWholeIsNone(t *testing.T) {
	dir := t.TempDir()
	s := reopened(t, dir)
	appendGroups(t, s, "first", "second")
	must(t, s.Close())
	name := filepath.Join(dir, journalName)
	b, err := os.ReadFile(name)
	must(t, err)
	b[2*frameHeader+len("firstsecond")-1] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	s = reopened(t, dir)
	appendGroups(t, s, "third")
	must(t, s.Close())
	s = reopened(t, dir)
	defer func() { must(t, s.Close()) }()
	wantGroups(t, "after a torn write", numbered(t, s, 10), "first", "third")
}

// The file is begun again, and what stands behind its new end is not taken for new.
func TestTheJournalIsBegunAgainAndStaysShort(t *testing.T) {
	dir := t.TempDir()
	s := reopened(t, dir)
	big := make([]byte, 100<<10)
	for round := range 5 {
		for range 12 {
			must(t, s.AppendAudit(t.Context(), big))
		}
		for len(numbered(t, s, 10)) > 0 {
		}
		appendGroups(t, s, fmt.Sprint("last ", round))
		must(t, s.Close())
		s = reopened(t, dir)
		wantGroups(t, "after the turn", numbered(t, s, 10), fmt.Sprint("last ", round))
	}
	must(t, s.Close())
	info, err := os.Stat(filepath.Join(dir, journalName))
	must(t, err)
	if info.Size() > 2*journalTurn {
		t.Errorf("it has %d bytes", info.Size())
	}
}

func TestWhatWasAppendedBeforeThereWasAJournalIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	s := reopened(t, dir)
	must(t, s.AuditFile.writer.run("INSERT INTO audit_group (body) VALUES ('old')"))
	must(t, s.Close())
	for range 2 {
		s = reopened(t, dir)
		must(t, s.Close())
	}
	s = reopened(t, dir)
	wantGroups(t, "the older group", numbered(t, s, 10), "old")
	must(t, s.Close())
	if err := s.AppendAudit(context.Background(), []byte("late")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
