package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/store/storetest"
)

func TestSQLiteIsRestoredAsItWas(t *testing.T) {
	restored(t, func(*testing.T, string) {})
}

// The content of Binaries lies on another disk, behind a link.
func TestContentThatLiesElsewhereIsInABackup(t *testing.T) {
	restored(t, func(t *testing.T, dir string) {
		if err := os.Symlink(t.TempDir(), filepath.Join(dir, "blobs")); err != nil {
			t.Fatal(err)
		}
	})
}

func restored(t *testing.T, prepare func(t *testing.T, dir string)) {
	open := func(t *testing.T) store.Store {
		dir := t.TempDir()
		prepare(t, dir)
		s, err := sqlite.Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	storetest.RunBackup(t, open, func(t *testing.T) storetest.Place {
		dir := t.TempDir()
		return storetest.Place{
			Begin: func() (storetest.Restoring, error) { return sqlite.Restore(dir) },
			Open:  func() (store.Store, error) { return sqlite.Open(t.Context(), dir) },
		}
	})
}
