package audit

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/spec/fhir"
)

func TestATrailTellsWhatWasTouchedAndWhose(t *testing.T) {
	maria, walter := fhir.Key{Type: "Patient", ID: "maria"}, fhir.Key{Type: "Patient", ID: "walter"}
	trail := &Trail{}
	trail.Touch(Reads, fhir.Key{Type: "Observation", ID: "1"}, 2, maria)
	trail.Touch(Reads, fhir.Key{Type: "Organization", ID: "o"}, 1)
	trail.Touch(Updates, fhir.Key{Type: "Observation", ID: "1"}, 3, maria, walter)
	trail.Ask(walter)
	trail.Ask(fhir.Key{Type: "Patient", ID: "asked"})
	trail.Ask(fhir.Key{Type: "Group", ID: "no"})
	trail.Because("user/*.rs")
	trail.Because("user/*.rs")
	if !trail.Grew() {
		t.Error("it did not grow")
	}
	e := &Event{}
	trail.Tell(e)
	written := []Entity{{Updates, "Observation/1", 3}}
	want := &Event{
		Count: 3, Why: []string{"user/*.rs"}, Entities: []Entity{{Reads, "Organization/o", 1}},
		Patients: []Patient{{"Patient/maria", written}, {"Patient/walter", written}, {"Patient/asked", nil}},
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
	if trail.Grew() {
		t.Error("it grew by being told")
	}
	trail.Touch(Reads, fhir.Key{Type: "Observation", ID: "1"}, 3, maria)
	if trail.Grew() {
		t.Error("it grew by what it knew")
	}
	trail.Touch(Reads, maria, 1, maria)
	if !trail.Grew() {
		t.Error("it did not grow by something new")
	}
}

func TestNoPatientIsLostAmongManyResources(t *testing.T) {
	trail := &Trail{}
	for i := range 5000 {
		trail.Touch(Creates, fhir.Key{Type: "Observation", ID: fhir.ID(fmt.Sprint(i))}, 1, fhir.Key{Type: "Patient", ID: fhir.ID(fmt.Sprint("p", i/10))})
	}
	e := &Event{}
	trail.Tell(e)
	entities := 0
	for _, p := range e.Patients {
		entities += len(p.Entities)
	}
	if len(e.Patients) != 500 || e.Count != 5000 || entities > 2*maxEntities {
		t.Errorf("%d patients, %d resources, of which %d are named", len(e.Patients), e.Count, entities)
	}
	var none *Trail
	none.Touch(Reads, fhir.Key{Type: "Patient", ID: "x"}, 1)
	none.Ask(fhir.Key{Type: "Patient", ID: "x"})
	none.Because("nothing")
}
