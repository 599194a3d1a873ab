package records_test

import (
	"slices"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/records"
)

// lines returns the first n lines of a gzipped file of the shared data.
func lines(t testing.TB, n int, elem ...string) [][]byte {
	t.Helper()
	return slices.Collect(testdata.Lines(t, testdata.Dir(t, elem...), n))
}

// process sends a bundle and fails on any entry that failed.
func process(t testing.TB, s *records.Session, line []byte) *records.BundleResult {
	t.Helper()
	res, err := s.Bundle(t.Context(), records.Content{JSON: line}, records.BundleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range res.Entries {
		if e.Err != nil {
			t.Fatalf("entry %d: %v", i, e.Err)
		}
	}
	return res
}

func TestSyntheticPatientsGoThroughTransactions(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		for _, line := range lines(t, 5, "synthea", "base-2019", "base-2019-00.bundles.ndjson.gz") {
			process(t, s, line)
		}
		for _, line := range lines(t, 5, "synthea", "uscore311-2021", "infrastructure.bundles.ndjson.gz") {
			process(t, s, line)
		}
		for _, line := range lines(t, 2, "synthea", "uscore311-2021", "uscore311-2021-00.bundles.ndjson.gz") {
			process(t, s, line)
		}
		if n := count(t, s, "Patient", ""); n != 7 {
			t.Fatalf("%d patients", n)
		}
	})
}

// bigTransaction stores what the transaction of 25,000 entries refers to, and returns it.
func bigTransaction(t testing.TB, s *records.Session) []byte {
	t.Helper()
	process(t, s, lines(t, 1, "synthea", "big-transaction", "referenced.bundles.ndjson.gz")[0])
	return lines(t, 1, "synthea", "big-transaction", "big-tx.bundle.ndjson.gz")[0]
}

func TestATransactionOf25000EntriesIsStored(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		res := process(t, s, bigTransaction(t, s))
		if len(res.Entries) != 25_000 || count(t, s, "Observation", "subject="+res.Entries[0].Key.String()) == 0 {
			t.Fatalf("%d entries", len(res.Entries))
		}
	})
}
