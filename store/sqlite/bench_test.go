package sqlite_test

import (
	"testing"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/store/storetest"
)

func BenchmarkSQLite(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store {
		s, err := sqlite.Open(b.Context(), b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
}
