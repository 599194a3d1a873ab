package validate

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// entries are the resources of a bundle, or the resource itself.
func entries(t testing.TB, d *definitions.Definitions, line []byte) []*fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(d, line, fhir.Limits{})
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
	allValid(t, math.MaxInt)
}

// allValid checks the first lines of each file.
func allValid(t *testing.T, lines int) {
	d := definitions.MustBuiltIn(definitions.R4)
	v := New(d, Options{})
	for _, set := range []string{"base-2019", "uscore311-2021", "uscore-hiv-2021", "bulk-export-2024"} {
		n := 0
		for _, file := range testdata.Files(t, "*.ndjson.gz", "synthea", set) {
			for line := range testdata.Lines(t, file, lines) {
				for _, tree := range entries(t, d, line) {
					n++
					for _, i := range v.Check(context.Background(), tree) {
						t.Errorf("%s %s: %v", filepath.Base(file), tree.Key(), i)
					}
				}
			}
		}
		t.Logf("%s: %d resources", set, n)
	}
}

func resourcesOf(b *testing.B, d *definitions.Definitions, typ fhir.Type) []*fhir.Tree {
	var out []*fhir.Tree
	for _, file := range testdata.Files(b, "*.ndjson.gz", "synthea", "uscore311-2021") {
		for line := range testdata.Lines(b, file, 2) {
			for _, tree := range entries(b, d, line) {
				if tree.Type() == typ {
					out = append(out, tree)
				}
			}
		}
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
