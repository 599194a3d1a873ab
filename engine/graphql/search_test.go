package graphql_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/graphql"
)

func TestResourcesAreReadAndSearched(t *testing.T) {
	w := r4(t, peter, practitioner, clinic, weight("a", "peter", "70"), weight("b", "peter", "80"),
		`{"resourceType":"Patient","id":"comma","name":[{"family":"Smith, Jones"}],"identifier":[{"value":"1"}]}`)
	for query, want := range map[string]string{
		`{ Patient(id: peter) { id active } }`:                                           `{"Patient":{"id":"peter","active":true}}`,
		`{ a: Patient(id: "peter") { id } b: Organization(id: "clinic") { name } }`:      `{"a":{"id":"peter"},"b":{"name":"Clinic"}}`,
		`{ PatientList(name: "chalm") { id } }`:                                          `{"PatientList":[{"id":"peter"}]}`,
		`{ PatientList(name: "nobody") { id } }`:                                         `{"PatientList":[]}`,
		`{ PatientList(active: true) { id } }`:                                           `{"PatientList":[{"id":"peter"}]}`,
		`{ PatientList(identifier: 1) { id } }`:                                          `{"PatientList":[{"id":"comma"}]}`,
		`{ PatientList(identifier: "urn:oid:1.2.3|12345") { id } }`:                      `{"PatientList":[{"id":"peter"}]}`,
		`{ PatientList(family: "Smith, Jones") { id } }`:                                 `{"PatientList":[{"id":"comma"}]}`,
		`{ PatientList(family: ["Smith", "Chalmers"], _sort: "_id") { id } }`:            `{"PatientList":[{"id":"comma"},{"id":"peter"}]}`,
		`{ PatientList(_sort: ["active", "-_id"]) { id } }`:                              `{"PatientList":[{"id":"peter"},{"id":"comma"}]}`,
		`{ PatientList(general_practitioner: "Practitioner/gp") { id } }`:                `{"PatientList":[{"id":"peter"}]}`,
		`{ PatientList(fhirpath: "name.count() > 1") { id } }`:                           `{"PatientList":[{"id":"peter"}]}`,
		`{ PatientList(_sort: "-_id", _count: 1) { id } }`:                               `{"PatientList":[{"id":"peter"}]}`,
		`{ PatientList(_sort: "-_id", _count: 1, _offset: 1) { id } }`:                   `{"PatientList":[{"id":"comma"}]}`,
		`{ PatientList(_count: 0) { id } }`:                                              `{"PatientList":[]}`,
		`{ ObservationList(value_quantity: "gt75") { id } }`:                             `{"ObservationList":[{"id":"b"}]}`,
		`{ ObservationList(code_value_quantity: "http://loinc.org|29463-7$80") { id } }`: `{"ObservationList":[{"id":"b"}]}`,
		`{ __typename PatientList(_id: "none") { id } }`:                                 `{"__typename":"Query","PatientList":[]}`,
	} {
		w.gives("", query, want)
	}
	w.refused("", `{ Patient { id } }`, "needs the argument id")
	w.refused("", `{ Patient(id: "none") { id } }`, "there is no Patient/none")
	w.refused("", `{ Patient(id: "a/b") { id } }`, "not an id")
	w.refused("", `{ PatientList(nam: "x") { id } }`, "did you mean name?")
	w.refused("", `{ PatientList(birthdate: "soon") { id } }`, "soon")
	w.refused("", `{ PatientList(_include: "Patient:organization") { id } }`, "GraphQL has no _include")
	w.refused("", `{ PatientList(_reference: subject) { id } }`, "_reference")
	w.refused("", `{ PatientList(id: "x") { id } }`, "no argument id")
	w.refused("", `{ PatientList(_cursor: "x") { id } }`, "only with a connection")
	w.refused("", `{ PatientList(general__practitioner: "x") { id } }`, "one underscore")
	w.refused("", `{ Patent(id: "x") { id } }`, "did you mean Patient?")
	w.refused("", `{ PatientConnection(_offset: 1) { count } }`, "_offset")
}

func TestAListThatIsTooLongIsRefusedAndNotCut(t *testing.T) {
	w := r4(t)
	for i := range 30 {
		w.add(fmt.Sprintf(`{"resourceType":"Patient","id":"p%02d"}`, i))
	}
	const query = `{ PatientList { id } }`
	got, err := w.askWithin(graphql.Limits{Resources: 20}, "", query)
	refusal(t, query, got, err, "more than 20 resources", "connection")
	got, err = w.askWithin(graphql.Limits{Resources: 30}, "", query)
	if err != nil || strings.Count(got, `"id"`) != 30 {
		t.Errorf("%s, %v", got, err)
	}
}

// connection is what the tests read of one.
type connection struct {
	Count, Offset, Pagesize     *int
	First, Previous, Next, Last string
	Edges                       []struct {
		Mode     string
		Resource struct{ ID string }
	}
}

func (w *world) page(query string) connection {
	w.t.Helper()
	got, err := w.ask("", query)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	var out struct {
		Data struct{ PatientConnection connection }
	}
	if err := json.Unmarshal([]byte(got), &out); err != nil {
		w.t.Fatal(err)
	}
	return out.Data.PatientConnection
}

func (c connection) ids() string {
	var ids []string
	for _, e := range c.Edges {
		ids = append(ids, e.Resource.ID)
	}
	return strings.Join(ids, " ")
}

func TestAConnectionIsWalkedForwardAndBack(t *testing.T) {
	w := r4(t)
	for i := range 7 {
		w.add(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","active":true}`, i))
	}
	w.add(`{"resourceType":"Patient","id":"other","active":false}`)
	const fields = `{ count offset pagesize edges { mode score resource { id } } first previous next last }`
	first := w.page(`{ PatientConnection(active: true, _count: 3) ` + fields + `}`)
	if *first.Count != 7 || *first.Offset != 0 || *first.Pagesize != 3 || first.ids() != "p0 p1 p2" || first.Edges[0].Mode != "match" {
		t.Errorf("the first page is %+v", first)
	}
	if first.Previous != "" || first.Last != "" || first.Next == "" {
		t.Errorf("the links of the first page are %+v", first)
	}
	follow := func(cursor string) connection {
		return w.page(`{ PatientConnection(_cursor: "` + cursor + `") ` + fields + `}`)
	}
	second := follow(first.Next)
	third := follow(second.Next)
	if second.ids() != "p3 p4 p5" || *second.Offset != 3 || third.ids() != "p6" || *third.Offset != 6 || *third.Count != 7 {
		t.Errorf("the other pages are %+v, %+v", second, third)
	}
	if third.Next != "" || third.Last == "" || follow(third.Last).ids() != "p6" {
		t.Errorf("the links of the last page are %+v", third)
	}
	back := follow(third.Previous)
	if back.ids() != "p3 p4 p5" || *back.Offset != 3 || follow(back.Previous).ids() != "p0 p1 p2" || follow(third.First).ids() != "p0 p1 p2" {
		t.Errorf("the way back is %+v", back)
	}
	without := w.page(`{ PatientConnection(cursor: "` + first.Next + `") { edges { resource { id } } } }`)
	if without.ids() != "p3 p4 p5" {
		t.Errorf("without the count the page is %s", without.ids())
	}
	filtered := w.page(`{ PatientConnection(fhirpath: "id = 'p1'", _count: 3) ` + fields + `}`)
	if filtered.ids() != "p1" || filtered.Next == "" || follow(filtered.Next).ids() != "" {
		t.Errorf("with a criterion the page is %+v", filtered)
	}

	w.refused("", `{ PatientConnection(_cursor: "`+first.Next+`", active: true) { count } }`, "no other arguments")
	w.refused("", `{ ObservationConnection(_cursor: "`+first.Next+`") { count } }`, "no cursor of a ObservationConnection")
	w.refused("", `{ PatientConnection(_cursor: "?") { count } }`, "no cursor")
	w.refused("", `{ PatientConnection(_cursor: "e30") { count } }`, "no cursor")
	forged := base64.RawURLEncoding.EncodeToString([]byte(`{"t":"Patient","a":"17"}`))
	w.refused("", `{ PatientConnection(_cursor: "`+forged+`") { count } }`, "does not belong")
}

func TestAConnectionWithoutMatchesIsEmpty(t *testing.T) {
	w := r4(t)
	w.gives("", `{ PatientConnection(name: "x") { count edges { resource { id } } next } }`, `{"PatientConnection":{"count":0,"edges":[],"next":null}}`)
}
