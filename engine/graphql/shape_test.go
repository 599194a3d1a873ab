package graphql_test

import "testing"

// The examples of R4, Data Flattening Directives.
func TestDirectivesReshapeTheAnswer(t *testing.T) {
	w := r4(t, peter)
	for query, want := range map[string]string{
		`{ identifier @flatten { system value } active name @flatten { text given family } }`:                                         `{"system":["urn:oid:1.2.3"],"value":["12345"],"active":true,"given":["Peter","James","Jim","Peter","James"],"family":["Chalmers","Windsor"]}`,
		`{ name @flatten { text given @first family } }`:                                                                              `{"given":["Peter","Jim","Peter"],"family":["Chalmers","Windsor"]}`,
		`{ identifier @flatten { system @singleton value @singleton } active name @flatten @first { text given family @singleton } }`: `{"system":"urn:oid:1.2.3","value":"12345","active":true,"given":["Peter","James"],"family":"Chalmers"}`,
		`{ name @flatten @slice(path: "$index") { given @first @singleton family } }`:                                                 `{"given.0":"Peter","family.0":["Chalmers"],"given.1":"Jim","given.2":"Peter","family.2":["Windsor"]}`,
		`{ name @flatten @slice(path: "use") { given family @singleton } }`:                                                           `{"given.official":["Peter","James"],"family.official":"Chalmers","given.usual":["Jim"],"given.maiden":["Peter","James"],"family.maiden":"Windsor"}`,
		`{ telecom @slice(fhirpath: "use") { value } }`:                                                                               `{"telecom.home":[{"value":"1"}],"telecom.work":[{"value":"2"}]}`,
		`{ telecom @slice(path: "use") @singleton { value } }`:                                                                        `{"telecom.home":{"value":"1"},"telecom.work":{"value":"2"}}`,
		`{ name @flatten @slice(path: "use") { given @slice(path: "$index") @singleton } }`:                                           `{"given.official.0":"Peter","given.official.1":"James","given.usual.0":"Jim","given.maiden.0":"Peter","given.maiden.1":"James"}`,
		`{ name @first { use } }`:                                  `{"name":[{"use":"official"}]}`,
		`{ name @first @singleton { use } }`:                       `{"name":{"use":"official"}}`,
		`{ managingOrganization @flatten { reference } }`:          `{"reference":"Organization/clinic"}`,
		`{ name @flatten { a: use } telecom @flatten { a: use } }`: `{"a":["official","usual","maiden","home","work"]}`,
	} {
		w.gives("Patient/peter", query, want)
	}
}

func TestWhatCannotBeCollatedIsRefused(t *testing.T) {
	w := r4(t, peter)
	e := w.refused("Patient/peter", `{ name @flatten { family @singleton } }`, "@singleton", "several values")
	if len(e.Response) == 0 {
		t.Error("the error has no path")
	}
	w.refused("Patient/peter", `{ name @flatten { value: family } telecom @flatten { value: use } }`, "a string and a code", "another name")
	w.refused("Patient/peter", `{ id managingOrganization @flatten { id: reference } }`, "another name")
	w.refused("Patient/peter", `{ active @flatten }`, "@flatten on active")
	w.refused("Patient/peter", `{ name @slice { use } }`, "@slice needs the argument path")
	w.refused("Patient/peter", `{ name @slice(path: "use", x: 1) { use } }`, "@slice needs the argument path")
	w.refused("Patient/peter", `{ name @first(x: 1) { use } }`, "takes no arguments")
	w.refused("Patient/peter", `{ ... @flatten { id } }`, "a fragment takes")
	w.refused("Patient/peter", `{ name @first @first { use } }`, "twice")
}

func TestResourcesAreFlattenedToo(t *testing.T) {
	w := r4(t, peter, practitioner, clinic, weight("a", "peter", "70"), weight("b", "peter", "71"))
	w.gives("Patient/peter", `{ id managingOrganization @flatten { resource @flatten { ... on Organization { clinic: name } } } }`, `{"id":"peter","clinic":"Clinic"}`)
	w.gives("", `{ ObservationList @flatten { id valueQuantity @flatten { value } subject @flatten { resource @flatten { ... on Patient { birthDate } } } } }`,
		`{"id":["a","b"],"value":[70,71],"birthDate":["1974-12-25","1974-12-25"]}`)
}
