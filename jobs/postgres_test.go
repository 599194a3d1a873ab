package jobs_test

import (
	"os"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/jobs/jobstest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestTheContractHoldsOnPostgreSQL(t *testing.T) {
	jobstest.Run(t, func(t *testing.T) (a, b store.Jobs) {
		schema := pgtest.Schema()
		open := func() store.Store {
			s, err := postgres.Open(t.Context(), pgtest.URL(t), schema)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			return s
		}
		return open(), open()
	})
}
