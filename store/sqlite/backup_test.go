package sqlite_test

import (
	"testing"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/store/storetest"
)

func TestSQLiteIsRestoredAsItWas(t *testing.T) {
	open := func(t *testing.T) store.Store {
		s, err := sqlite.Open(t.Context(), t.TempDir())
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
