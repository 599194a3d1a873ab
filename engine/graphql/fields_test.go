package graphql_test

import (
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
)

func TestFieldsAreTheElementsOfAResource(t *testing.T) {
	w := r4(t, peter, weight("w", "peter", "70.50"))
	for query, want := range map[string]string{
		`{ active birthDate }`:                                     `{"active":true,"birthDate":"1974-12-25"}`,
		`{ resourceType __typename id }`:                           `{"resourceType":"Patient","__typename":"Patient","id":"peter"}`,
		`{ name { text given family } }`:                           `{"name":[{"given":["Peter","James"],"family":"Chalmers"},{"given":["Jim"]},{"given":["Peter","James"],"family":"Windsor"}]}`,
		`{ gender photo { url } }`:                                 `{}`,
		`{ born: birthDate }`:                                      `{"born":"1974-12-25"}`,
		`query Q { name { given } name { family } }`:               `{"name":[{"given":["Peter","James"],"family":"Chalmers"},{"given":["Jim"]},{"given":["Peter","James"],"family":"Windsor"}]}`,
		`{ birthDate _birthDate { extension { valueDateTime } } }`: `{"birthDate":"1974-12-25","_birthDate":{"extension":[{"valueDateTime":"1974-12-25T14:35:45-05:00"}]}}`,
		`{ ...a } fragment a on Patient { active ...b } fragment b on DomainResource { id }`: `{"active":true,"id":"peter"}`,
		`{ ... on Resource { id } ... { active } }`:                                          `{"id":"peter","active":true}`,
	} {
		w.gives("Patient/peter", query, want)
	}
	w.gives("Observation/w", `{ valueQuantity { value unit __typename } }`, `{"valueQuantity":{"value":70.50,"unit":"kg","__typename":"Quantity"}}`)
}

func TestNullsKeepThePlacesOfAListOfPrimitives(t *testing.T) {
	w := r4(t, `{"resourceType":"Patient","id":"p","name":[{"given":[null,"B"],"_given":[{"extension":[{"url":"http://x","valueCode":"c"}]},null]}]}`)
	w.gives("Patient/p", `{ name { given _given { extension { valueCode } } } }`,
		`{"name":[{"given":[null,"B"],"_given":[{"extension":[{"valueCode":"c"}]},null]}]}`)
	w.gives("Patient/p", `{ name @flatten { given } }`, `{"given":["B"]}`)
}

func TestAnUnknownFieldIsRefusedWithASuggestion(t *testing.T) {
	w := r4(t, peter, weight("w", "peter", "70"))
	e := w.refused("Patient/peter", "{ active\n  name { famly } }", "HumanName has no field famly; did you mean family?")
	if e.Line != 2 || e.Column != 10 || len(e.Response) != 2 || e.Response[0] != "name" {
		t.Errorf("the error stands at %d:%d, %v", e.Line, e.Column, e.Response)
	}
	w.refused("Observation/w", `{ value }`, "valueQuantity", "valueString")
	w.refused("Observation/w", `{ subject { resource { nothing } } }`, "nothing")
	w.refused("Patient/peter", `{ name }`, "say which of its fields")
	w.refused("Patient/peter", `{ active { x } }`, "no fields")
	w.refused("Patient/peter", `{ Patient(id: "x") { id } }`, "Patient has no field Patient")
	w.refused("", `{ active }`, "Query has no field active")
	w.refused("Patient/peter", `{ ... on Patent { id } }`, "Patent", "did you mean Patient?")
	w.refused("Patient/peter", `{ ... on Group { id } }`, "another type")
	w.refused("Patient/peter", `{ ...a }`, "no fragment called a")
	w.refused("Patient/peter", `{ a: active a: birthDate }`, `"a" is asked for twice`)
	w.refused("Patient/peter", `{ name @first { given } name { given } }`, `"name" is asked for twice`)
}

func TestListsAreNavigatedWithArguments(t *testing.T) {
	w := r4(t, peter)
	for query, want := range map[string]string{
		`{ name(use: official) { family } }`:                               `{"name":[{"family":"Chalmers"}]}`,
		`{ name(use: "maiden") { family } }`:                               `{"name":[{"family":"Windsor"}]}`,
		`{ name(use: [official, usual]) { use } }`:                         `{"name":[{"use":"official"},{"use":"usual"}]}`,
		`{ name(given: "Jim") { use } }`:                                   `{"name":[{"use":"usual"}]}`,
		`{ name(use: old) { use } }`:                                       `{}`,
		`{ name(fhirpath: "family.exists()") { use } }`:                    `{"name":[{"use":"official"},{"use":"maiden"}]}`,
		`{ name(fhirpath: "$index = 1 // the second") { use } }`:           `{"name":[{"use":"usual"}]}`,
		`{ name(_offset: 1, _count: 1) { use } }`:                          `{"name":[{"use":"usual"}]}`,
		`{ name(fhirpath: "family.exists()", _offset: 1) { use } }`:        `{"name":[{"use":"maiden"}]}`,
		`{ name(_count: 0) { use } }`:                                      `{}`,
		`{ name(_offset: 9) { use } }`:                                     `{}`,
		`{ e: extension(url: "http://example.org/a") { v: valueString } }`: `{"e":[{"v":"some value"}]}`,
		`{ extension(valueInteger: 3) { url } }`:                           `{"extension":[{"url":"http://example.org/b"}]}`,
	} {
		w.gives("Patient/peter", query, want)
	}
	w.refused("Patient/peter", `{ birthDate(fhirpath: "true") }`, "primitive")
	w.refused("Patient/peter", `{ name(us: official) { use } }`, "did you mean use?")
	w.refused("Patient/peter", `{ name(_count: -1) { use } }`, "_count", "not negative")
	w.refused("Patient/peter", `{ name(fhirpath: "family..x") { use } }`, "FHIRPath", "cannot be read")
	w.refused("Patient/peter", `{ name(fhirpath: "true) | (true") { use } }`, "FHIRPath", "cannot be read")
	w.refused("Patient/peter", `{ name(fhirpath: "given") { use } }`, "FHIRPath expression failed")
	w.refused("Patient/peter", `{ name(use: {a: 1}) { use } }`, "no argument takes an object")
}

func TestVariablesAreBound(t *testing.T) {
	w := r4(t, peter)
	w.gives("Patient/peter", `query($u: code) { name(use: $u) { use } }`, `{"name":[{"use":"usual"}]}`, `{"u":"usual"}`)
	w.gives("Patient/peter", `query($u: [code!]!) { name(use: $u) { use } }`, `{"name":[{"use":"official"},{"use":"usual"}]}`, `{"u":["usual","official"],"other":1}`)
	w.gives("Patient/peter", `query($u: code = maiden, $n: Int) { name(use: $u, _count: $n) { use } }`, `{"name":[{"use":"maiden"}]}`)
	w.gives("Patient/peter", `query($yes: Boolean!) { active @include(if: $yes) id @skip(if: $yes) ... @skip(if: $yes) { birthDate } }`, `{"active":true}`, `{"yes":true}`)
	for query, variables := range map[string]string{
		`query($u: code!) { name(use: $u) { use } }`:   ``,
		`query($u: String!) { name(use: $u) { use } }`: `{"u":null}`,
		`query($n: Int) { name(_count: $n) { use } }`:  `{"n":"3"}`,
		`query($n: Int) { name(_count: $n) { id } }`:   `{"n":[1]}`,
		`query($b: Boolean) { id @skip(if: $b) }`:      `{"b":"true"}`,
		`query($b: code) { id @skip(if: $b) }`:         `{"b":"true"}`,
		`query($u: [code!]) { name(use: $u) { use } }`: `{"u":["usual",null]}`,
		`query($u: [code]) { name(use: $u) { use } }`:  `{"u":[["usual"]]}`,
		`query($n: code) { name(_count: $n) { use } }`: `{"n":"3"}`,
		`query($u: Patient) { name(use: $u) { use } }`: `{"u":"x"}`,
		`query($u: code) { name(use: $u) { use } } `:   `{"u":{"a":1}}`,
		`query($u: code) { name(use: $v) { use } }`:    `{}`,
		`query($u: code, $u: code) { id }`:             `{}`,
		`{ id }`:                                       `[1]`,
	} {
		got, err := w.ask("Patient/peter", query, variables)
		refusal(t, query, got, err)
	}
}

func TestAnOperationIsChosenByItsName(t *testing.T) {
	w := r4(t, peter)
	w.refused("Patient/peter", `query A { id } query B { active }`, "operationName", "A, B")
	w.refused("Patient/peter", `mutation { id }`, "GraphQL only reads")
	w.refused("Patient/peter", `subscription { id }`, "GraphQL only reads")
	w.refused("Patient/peter", `fragment a on Patient { id }`, "no operation")
	w.refused("Patient/peter", `{ id `, "cannot be read")
	w.refused("Patient/peter", ` `, "the query is missing")
	w.refused("Patient/peter", `query @x { id }`, "@x")
	w.refused("Patient/peter", `{ id @x }`, "there is no directive @x")
	w.refused("Patient/peter", `{ id @skip }`, "@skip needs the argument if")
	w.refused("Patient/peter", `{ id @include(if: "true") }`, "@include needs the argument if")
	w.refused("Patient/peter", `{ id @include(if: true, unless: true) }`, "@include needs the argument if")
}

func TestOtherReleasesAreData(t *testing.T) {
	w := newWorld(t, definitions.MustBuiltIn(definitions.R4B), peter, weight("w", "peter", "70"))
	w.gives("", `{ PatientList(name: "chalmers") { id ObservationList(_reference: subject) { id } } }`, `{"PatientList":[{"id":"peter","ObservationList":[{"id":"w"}]}]}`)
	w = newWorld(t, testpackage.R5(t), peter, `{"resourceType":"Encounter","id":"e","status":"completed","subject":{"reference":"Patient/peter"},"virtualService":[{"maxParticipants":3}]}`)
	w.gives("", `{ EncounterList(patient: peter) { virtualService { maxParticipants } subject { resource { ... on Patient { birthDate } } } } }`,
		`{"EncounterList":[{"virtualService":[{"maxParticipants":3}],"subject":{"resource":{"birthDate":"1974-12-25"}}}]}`)
}
