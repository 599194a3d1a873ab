package jobs_test

import (
	"testing"

	"github.com/inglehealth/ingle/jobs/jobstest"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestTheContractHoldsOnSQLite(t *testing.T) {
	jobstest.Run(t, func(t *testing.T) (a, b store.Jobs) {
		s, err := sqlite.Open(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s, s
	})
}
