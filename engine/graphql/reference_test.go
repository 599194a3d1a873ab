package graphql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/graphql"
)

func TestReferencesAreResolved(t *testing.T) {
	w := r4(t, peter, practitioner, clinic, weight("w", "peter", "70"), weight("lost", "nobody", "71"),
		`{"resourceType":"Observation","id":"c","status":"final","code":{"text":"x"},"subject":{"reference":"#s"},"performer":[{"display":"someone"}],
		  "contained":[{"resourceType":"Group","id":"s","type":"person","actual":true,"name":"we"}]}`)
	w.gives("Observation/w", `{ subject { reference resource { birthDate } } }`, `{"subject":{"reference":"Patient/peter","resource":{"birthDate":"1974-12-25"}}}`)
	w.gives("Observation/w", `{ subject { resource { __typename ... on Patient { active } ... on Group { name } } } }`, `{"subject":{"resource":{"__typename":"Patient","active":true}}}`)
	w.gives("Observation/w", `{ subject { resource(type: Patient) { birthDate } resource(type: Group) { name } } }`, `{"subject":{"resource":{"birthDate":"1974-12-25"}}}`)
	w.gives("Observation/w", `{ subject { resource(type: [Group, Device]) { id } } }`, `{"subject":{}}`)
	if len(w.reads) != 0 {
		t.Errorf("a resource of another type was read: %v", w.reads)
	}
	w.gives("Observation/lost", `{ subject { resource(optional: true) { id } } }`, `{"subject":{}}`)
	w.gives("Observation/lost", `{ subject { resource(type: Group) { id } } }`, `{"subject":{}}`)
	w.gives("Observation/c", `{ subject { resource { __typename id name } } contained { ... on Group { actual } } }`, `{"subject":{"resource":{"__typename":"Group","id":"s","name":"we"}},"contained":[{"actual":true}]}`)
	w.gives("Observation/c", `{ performer { display resource(optional: true) { id } } }`, `{"performer":[{"display":"someone"}]}`)

	e := w.refused("Observation/lost", `{ subject { resource { id } } }`, "Patient/nobody", "optional: true")
	if got := fmt.Sprintf("%v %s", e.Response, e.Path); got != "[subject resource] Observation.subject" {
		t.Errorf("the error stands at %s", got)
	}
	w.refused("Observation/c", `{ performer { resource { id } } }`, "without the address")
	w.refused("Observation/w", `{ subject { resource(type: Patiend) { id } } }`, "Patiend", "did you mean Patient?")
	w.refused("Observation/w", `{ subject { resource(optional: 1) { id } } }`, "true or false")
	w.refused("Observation/w", `{ subject { resource(typ: Patient) { id } } }`, "did you mean type?")
}

func TestTheReferencesOfALevelAreReadAtOnce(t *testing.T) {
	w := r4(t, practitioner, clinic)
	for i := range 50 {
		w.add(strings.Replace(peter, `"peter"`, fmt.Sprintf(`"p%d"`, i), 1))
		w.add(weight(fmt.Sprintf("w%d", i), fmt.Sprintf("p%d", i), "70"))
	}
	if _, err := w.ask("", `{ ObservationList { id subject { resource { id ... on Patient {
		generalPractitioner { resource { ... on Practitioner { name { family } } } } managingOrganization { resource { id } } } } } } }`); err != nil {
		t.Fatal(err)
	}
	if len(w.searches) != 1 || len(w.reads) != 2 || len(w.reads[0]) != 50 || len(w.reads[1]) != 2 {
		t.Errorf("%d searches, %d reads", len(w.searches), len(w.reads))
	}
	if _, err := w.ask("", `{ PatientList { id ObservationList(_reference: subject) { id } } }`); err != nil {
		t.Fatal(err)
	}
	if len(w.searches) != 2 || len(w.reads) != 0 {
		t.Errorf("%d searches, %d reads", len(w.searches), len(w.reads))
	}
}

func TestReverseLookupsGiveEachResourceItsOwn(t *testing.T) {
	w := r4(t, practitioner, clinic, peter, strings.Replace(peter, `"peter"`, `"paul"`, 1), strings.Replace(peter, `"peter"`, `"mary"`, 1),
		weight("a", "peter", "70"), weight("b", "paul", "71"), weight("c", "peter", "72"),
		`{"resourceType":"Provenance","id":"v","target":[{"reference":"Patient/peter"},{"reference":"Patient/paul"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/gp"}}]}`)
	w.gives("Patient/peter", `{ ObservationList(_reference: patient, _sort: "-_id") { id } }`, `{"ObservationList":[{"id":"c"},{"id":"a"}]}`)
	w.gives("Patient/peter", `{ ObservationList(_reference: patient, value_quantity: "gt71") { id } }`, `{"ObservationList":[{"id":"c"}]}`)
	w.gives("Patient/peter", `{ ObservationList(_reference: patient, code: "nothing") { id } }`, `{"ObservationList":[]}`)
	w.gives("", `{ PatientList(_sort: "_id") { id o: ObservationList(_reference: subject) { id } } }`,
		`{"PatientList":[{"id":"mary","o":[]},{"id":"paul","o":[{"id":"b"}]},{"id":"peter","o":[{"id":"a"},{"id":"c"}]}]}`)
	w.gives("", `{ PatientList(_sort: "_id") { o: ObservationList(_reference: subject, _count: 1) { id } } }`,
		`{"PatientList":[{"o":[]},{"o":[{"id":"b"}]},{"o":[{"id":"a"}]}]}`)
	w.gives("", `{ PatientList(_id: [paul, peter]) { ProvenanceList(_reference: target) { id } } }`,
		`{"PatientList":[{"ProvenanceList":[{"id":"v"}]},{"ProvenanceList":[{"id":"v"}]}]}`)
	w.gives("Patient/peter", `{ c: ObservationConnection(_reference: subject, _count: 1) { count edges { resource { id } } } }`, `{"c":{"count":2,"edges":[{"resource":{"id":"a"}}]}}`)

	w.refused("Patient/peter", `{ ObservationList { id } }`, "needs the argument _reference", "subject")
	w.refused("Patient/peter", `{ ObservationList(_reference: code) { id } }`, "points to a Patient", "subject")
	w.refused("Patient/peter", `{ ObservationList(_reference: device) { id } }`, "points to a Patient")
	w.refused("Patient/peter", `{ ObservationList(_reference: subject, id: "a") { id } }`, "no argument id")
	w.refused("Patient/peter", `{ ObservationConnection(_reference: subject, _cursor: "x") { count } }`, "at the root")
	w.refused("Patient/peter", `{ LocationList(_reference: partof) { id } }`, "Patient has no field LocationList")
}

func TestTooManySearchesAreRefused(t *testing.T) {
	w := r4(t, practitioner, clinic)
	for i := range 10 {
		w.add(strings.Replace(peter, `"peter"`, fmt.Sprintf(`"p%d"`, i), 1))
	}
	const query = `{ PatientList { ObservationList(_reference: subject, _count: 1) { id } } }`
	got, err := w.askWithin(graphql.Limits{Searches: 5}, "", query)
	refusal(t, query, got, err, "more than 5 searches", "Searches")
}
