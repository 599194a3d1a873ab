package postgres_test

import (
	"os"
	"testing"

	"github.com/inglehealth/ingle/engine/search/searchtest"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/synthetic"
	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func open(t testing.TB) store.Store {
	s, err := postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPostgreSQLKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
}

func TestPostgreSQLSearchesAsTheMatcherInMemory(t *testing.T) {
	storetest.RunSearch(t, searchtest.Packages{R5: testpackage.R5, Load: testpackage.Load}, func(t *testing.T) store.Store { return open(t) },
		func(t testing.TB) []*fhir.Tree { return synthetic.Patients(t, 2) })
}
