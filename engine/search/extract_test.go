package search

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/fhir"
)

// synthea returns up to n resources of each type from bundles of synthetic
// patients.
func synthea(t testing.TB, c *Catalog, n int) map[string][]*fhir.Tree {
	t.Helper()
	f, err := os.Open(filepath.Join(testdata.Dir(t, "synthea", "base-2019"), "base-2019-00.bundles.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string][]*fhir.Tree{}
	lines := bufio.NewReader(z)
	for range 40 {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		bundle, err := fhir.ParseJSON(c.Definitions(), line, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for entry := range bundle.Root().All("entry") {
			one := entry.Child("resource")
			if name := one.Type().Name; len(trees[name]) < n {
				trees[name] = append(trees[name], one.CopyTree())
			}
		}
	}
	return trees
}

func BenchmarkExtract(b *testing.B) {
	c := r4(b)
	all := synthea(b, c, 500)
	for _, name := range []string{"Observation", "Patient", "Condition", "Encounter", "Claim"} {
		trees := all[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			entries := 0
			for i := 0; b.Loop(); i++ {
				list, err := c.Extract(b.Context(), trees[i%len(trees)])
				if err != nil {
					b.Fatal(err)
				}
				entries += len(list)
			}
			b.ReportMetric(float64(entries)/float64(b.N), "entries/op")
		})
	}
}
