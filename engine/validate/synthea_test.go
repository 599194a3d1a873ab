package validate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// eachLine calls f with the lines of a .ndjson.gz file, up to limit.
func eachLine(t testing.TB, file string, limit int, f func(line []byte)) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	gz, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReaderSize(gz, 1<<20)
	for range limit {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			f(line)
		}
		if err != nil {
			return
		}
	}
}

func syntheaFiles(t testing.TB, set string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata.Dir(t, "synthea", set), "*.ndjson.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", set, err)
	}
	return files
}

// entries are the resources of a bundle, or the resource itself.
func entries(t testing.TB, d *definitions.Definitions, line []byte) []*fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(d, bytes.Clone(line), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if tree.Type() != "Bundle" {
		return []*fhir.Tree{tree}
	}
	var out []*fhir.Tree
	for e := range tree.Root().All("entry") {
		if r := e.Child("resource"); !r.IsZero() {
			out = append(out, r.CopyTree())
		}
	}
	return out
}

func TestSyntheticPatientsAreValid(t *testing.T) { allValid(t, 10) }

func TestSoakAllSyntheticPatientsAreValid(t *testing.T) {
	if os.Getenv("INGLE_SOAK") == "" {
		t.Skip("INGLE_SOAK is not set")
	}
	allValid(t, 1<<30)
}

// allValid checks the first lines of each file.
func allValid(t *testing.T, lines int) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	for _, set := range []string{"base-2019", "uscore311-2021", "uscore-hiv-2021", "bulk-export-2024"} {
		n := 0
		for _, file := range syntheaFiles(t, set) {
			eachLine(t, file, lines, func(line []byte) {
				for _, tree := range entries(t, d, line) {
					n++
					for _, i := range v.Check(context.Background(), tree) {
						t.Errorf("%s %s: %v", filepath.Base(file), tree.Key(), i)
					}
				}
			})
		}
		t.Logf("%s: %d resources", set, n)
	}
}

func resourcesOf(b *testing.B, d *definitions.Definitions, typ fhir.Type) []*fhir.Tree {
	var out []*fhir.Tree
	for _, file := range syntheaFiles(b, "uscore311-2021") {
		eachLine(b, file, 2, func(line []byte) {
			for _, tree := range entries(b, d, line) {
				if tree.Type() == typ {
					out = append(out, tree)
				}
			}
		})
	}
	return out
}

func BenchmarkCheck(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	for _, typ := range []fhir.Type{"Observation", "Patient", "Encounter", "Condition", "MedicationRequest", "ExplanationOfBenefit"} {
		b.Run(string(typ), func(b *testing.B) {
			trees := resourcesOf(b, d, typ)
			v := New(d, Options{})
			b.ReportAllocs()
			b.ResetTimer()
			i := 0
			for b.Loop() {
				if issues := v.Check(context.Background(), trees[i%len(trees)]); len(issues) > 0 {
					b.Fatal(issues)
				}
				i++
			}
		})
	}
}
