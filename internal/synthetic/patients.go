// Package synthetic gives tests synthetic patients as resources.
package synthetic

import (
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/synth"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// most of each type are enough to search in.
const most = 25

// Patients returns resources of a clinic and its first patients, always the
// same: the first of each type. What they refer to may not be among them.
func Patients(t testing.TB, patients int) []*fhir.Tree {
	t.Helper()
	d := definitions.MustBuiltIn(definitions.R4)
	var resources []*fhir.Tree
	seen := map[fhir.Type]int{}
	for record := range synth.Generate(1, patients, time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)) {
		for _, r := range record.Resources {
			if seen[r.Type]++; seen[r.Type] > most {
				continue
			}
			tree, err := fhir.ParseJSON(d, r.JSON, fhir.Limits{})
			if err != nil {
				t.Fatalf("%s: %v", r.Key, err)
			}
			resources = append(resources, tree)
		}
	}
	return resources
}
