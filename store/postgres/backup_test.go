package postgres_test

import (
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/storetest"
)

func TestPostgreSQLIsRestoredAsItWas(t *testing.T) {
	storetest.RunBackup(t, func(t *testing.T) store.Store { return open(t) }, func(t *testing.T) storetest.Place {
		url, schema := pgtest.URL(t), pgtest.Schema()
		return storetest.Place{
			Begin: func() (storetest.Restoring, error) { return postgres.Restore(t.Context(), url, schema) },
			Open:  func() (store.Store, error) { return postgres.Open(t.Context(), url, schema) },
		}
	})
}
