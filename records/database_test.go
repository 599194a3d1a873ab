package records_test

import (
	"context"
	"testing"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

var databaseNames = []string{"sqlite"}

func newDatabase(t testing.TB, name string) database {
	t.Helper()
	// One process owns a SQLite directory, so all doors share its store.
	s, err := sqlite.Open(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return database{name, func(testing.TB) store.Store { return s }}
}
