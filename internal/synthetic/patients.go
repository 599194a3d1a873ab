// Package synthetic gives tests the synthetic patients of the shared test data
// as resources.
package synthetic

import (
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Patients returns the resources of the first patients of a set of the
// shared test data, with references within a patient made relative as a
// transaction would. Without the data the test is skipped.
func Patients(t testing.TB, patients int) []*fhir.Tree {
	t.Helper()
	d := definitions.MustBuiltIn(definitions.R4)
	var resources []*fhir.Tree
	for line := range testdata.Lines(t, testdata.Dir(t, "synthea", "base-2019", "base-2019-00.bundles.ndjson.gz"), patients) {
		bundle, err := fhir.ParseJSON(d, line, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{}
		for entry := range bundle.Root().All("entry") {
			one := entry.Child("resource")
			names[entry.Child("fullUrl").Text()] = one.Type().Name + "/" + one.Child("id").Text()
		}
		for entry := range bundle.Root().All("entry") {
			tree := entry.Child("resource").CopyTree()
			relate(t, tree.Root(), names)
			resources = append(resources, tree)
		}
	}
	return resources
}

// relate rewrites references that are urn:uuid names.
func relate(t testing.TB, n fhir.Node, names map[string]string) {
	t.Helper()
	for c := range n.Children() {
		if c.Name() == "reference" && names[c.Text()] != "" {
			if err := c.SetText(names[c.Text()]); err != nil {
				t.Fatal(err)
			}
		}
		relate(t, c, names)
	}
}
