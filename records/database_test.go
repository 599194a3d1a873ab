package records_test

import (
	"context"
	"os"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var databaseNames = []string{"sqlite", "postgres"}

func newDatabase(t testing.TB, name string) database {
	t.Helper()
	if name == "postgres" {
		url, schema := pgtest.URL(t), pgtest.Schema()
		// Each door has a store of its own, as each process has.
		return database{name, func(t testing.TB) store.Store {
			return opened(t, must(postgres.Open(context.Background(), url, schema))(t))
		}}
	}
	// One process owns a SQLite directory, so all doors share its store.
	s := opened(t, must(sqlite.Open(context.Background(), t.TempDir()))(t))
	return database{name, func(testing.TB) store.Store { return s }}
}

// opened closes a store when the test ends.
func opened[S store.Store](t testing.TB, s S) S {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
