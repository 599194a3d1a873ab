package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/inglehealth/ingle/engine/search/searchtest"
	"github.com/inglehealth/ingle/internal/synthetic"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSQLiteKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestSQLiteSearchesAsTheMatcherInMemory(t *testing.T) {
	storetest.RunSearch(t, searchtest.Packages{R5: testpackage.R5, Load: testpackage.Load}, func(t *testing.T) store.Store {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, func(t testing.TB) []*fhir.Tree { return synthetic.Patients(t, 2) })
}

func TestNobodyButTheOwnerMayReadTheFiles(t *testing.T) {
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{"ingle.db", "ingle.db-wal", "ingle.db-shm", "blobs"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has the mode %04o", name, mode)
		}
	}
}
