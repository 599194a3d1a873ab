package postgres_test

import (
	"testing"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/storetest"
)

func BenchmarkPostgreSQL(b *testing.B) {
	storetest.Bench(b, func(b *testing.B) store.Store { return open(b) })
}
