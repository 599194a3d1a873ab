package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/disktest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/store/storetest"
)

func openAt(t testing.TB, dir string) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.WithoutCancel(t.Context()), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASecondProcessIsRefusedTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir)
	_, err := sqlite.Open(t.Context(), dir)
	if err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openAt(t, dir).Close(); err != nil {
		t.Error(err)
	}
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := openAt(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	_, err := sqlite.Open(t.Context(), dir)
	if err == nil || !strings.Contains(err.Error(), "schema version 9999") {
		t.Errorf("open: %v", err)
	}
}

func TestADatabaseOfAnotherFormatIsRefused(t *testing.T) {
	for _, change := range []string{"DELETE FROM counter WHERE name = 'format'", "UPDATE counter SET value = 99 WHERE name = 'format'"} {
		dir := t.TempDir()
		if err := openAt(t, dir).Close(); err != nil {
			t.Fatal(err)
		}
		exec(t, dir, change)
		_, err := sqlite.Open(t.Context(), dir)
		if err == nil || !strings.Contains(err.Error(), "this program reads and writes format") {
			t.Errorf("open: %v", err)
		}
	}
}

func TestADamagedDatabaseIsSaidToBe(t *testing.T) {
	dir := t.TempDir()
	if err := openAt(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ingle.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"another file":    []byte("hello"),
		"half of it":      whole[:len(whole)/2],
		"without a start": append(make([]byte, 100), whole[100:]...),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func exec(t testing.TB, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "ingle.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCrashChild(t *testing.T) { storetest.CrashChild(t, openAt) }

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	storetest.Crash(t, 6, dir, openAt, func() { checkIntegrity(t, dir) })
}

func checkIntegrity(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "ingle.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var result string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Errorf("integrity check: %s, %v", result, err)
	}
}

func TestAFullDiskIsAnErrorAndReadingGoesOn(t *testing.T) {
	dir := disktest.Small(t, "6m")
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, dir)
	ctx := t.Context()
	write := func(i int) error {
		noise := make([]byte, 20_000)
		for k := range noise {
			noise[k] = byte('0' + (i*7+k*k*(i+3)%91)%75)
		}
		return s.Write(ctx, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, []store.Write{{
				Key: fhir.Key{Type: "Binary", ID: fhir.ID(fmt.Sprint(i))}, Updated: time.Now(), Method: "PUT",
				Release: definitions.R4, Body: s.Pack(noise, nil),
			}})
			return err
		})
	}
	written := 0
	var err error
	for ; written < 5000; written++ {
		if err = write(written); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("after %d writes: %v", written, err)
	}
	if err := write(written + 1); !errors.Is(err, store.ErrFull) {
		t.Errorf("another write: %v", err)
	}
	big := make([]byte, 1<<20)
	_, _, err = s.CreateBlob(ctx, func(yield func([]byte, error) bool) {
		for range 10 {
			if !yield(big, nil) {
				return
			}
		}
	})
	if !errors.Is(err, store.ErrFull) {
		t.Errorf("a blob: %v", err)
	}
	for i := range written {
		if _, err := s.Read(ctx, fhir.Key{Type: "Binary", ID: fhir.ID(fmt.Sprint(i))}); err != nil {
			t.Fatalf("reading %d of %d on a full disk: %v", i, written, err)
		}
	}
	if n, err := s.Count(ctx, &search.Query{Types: []string{"Binary"}}); n != int64(written) || err != nil {
		t.Errorf("%d of %d counted, %v", n, written, err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := write(written); err != nil {
		t.Errorf("a write when there is space again: %v", err)
	}
	written++
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = openAt(t, dir)
	if n, err := s.Count(ctx, &search.Query{Types: []string{"Binary"}}); n != int64(written) || err != nil {
		t.Errorf("after opening again: %d of %d, %v", n, written, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
