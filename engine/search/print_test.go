package search_test

import (
	"slices"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestPrintsAreOfTheParametersWithEntries(t *testing.T) {
	catalog, err := search.NewCatalog(definitions.MustBuiltIn(definitions.R4), "")
	if err != nil {
		t.Fatal(err)
	}
	prints := catalog.Prints("Observation")
	for code, want := range map[string]bool{
		"code": true, "date": true, "subject": true, "patient": true, "code-value-quantity": true,
		"combo-code": false, // it unites code and component-code
		"_id":        false, "_lastUpdated": false, "_content": false, "nothing": false,
	} {
		if _, ok := prints[code]; ok != want {
			t.Errorf("%s has a print: %v", code, ok)
		}
	}
	// Other prints have every database indexed anew.
	for code, want := range map[string]string{"code": "i4n6fafwANM", "code-value-quantity": "b05qIZXQdZ4"} {
		if prints[code] != want {
			t.Errorf("%s has the print %s, not %s", code, prints[code], want)
		}
	}
	if prints["code"] == prints["status"] {
		t.Error("two parameters have the same print")
	}
	other, err := search.NewCatalog(definitions.MustBuiltIn(definitions.R4), "https://ehr.example/fhir")
	if err != nil {
		t.Fatal(err)
	}
	if catalog.Print("Observation") != other.Print("Observation") || catalog.Print("Observation") == catalog.Print("Patient") {
		t.Error("a type's print does not stand for its definitions")
	}
}

func TestTheParametersOfATreeAreFoundWhereverTheyStand(t *testing.T) {
	catalog, err := search.NewCatalog(definitions.MustBuiltIn(definitions.R4), "")
	if err != nil {
		t.Fatal(err)
	}
	q, err := catalog.Parse("Observation", []search.Pair{
		{Name: "code", Value: "a,b"}, {Name: "status:not", Value: "final"}, {Name: "date:missing", Value: "true"},
		{Name: "subject:Patient.name", Value: "x"}, {Name: "_has:Provenance:target:recorded", Value: "2024"},
		{Name: "code-value-quantity", Value: "c$5"}, {Name: "_sort", Value: "-value-quantity"}, {Name: "_id", Value: "x"},
	}, search.ParseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range q.Params() {
		names = append(names, p.Name())
	}
	slices.Sort(names)
	want := []string{"Observation.code", "Observation.code-value-quantity", "Observation.date", "Observation.status",
		"Observation.subject", "Observation.subject#Patient.name", "Observation.value-quantity", "Patient.name", "Provenance.recorded", "Provenance.target"}
	if !slices.Equal(names, want) {
		t.Errorf("%v\nwant %v", names, want)
	}
}

// BenchmarkPrints is what opening a database costs at most.
func BenchmarkPrints(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	for b.Loop() {
		catalog, err := search.NewCatalog(d, "")
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range d.ResourceTypes() {
			catalog.Print(t)
		}
	}
}

// BenchmarkAllPrints is what a new database costs.
func BenchmarkAllPrints(b *testing.B) {
	d := definitions.MustBuiltIn(definitions.R4)
	for b.Loop() {
		catalog, err := search.NewCatalog(d, "")
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range d.ResourceTypes() {
			catalog.Prints(t)
		}
	}
}
