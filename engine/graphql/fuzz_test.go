package graphql_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/inglehealth/ingle/engine/graphql"
)

func TestARequestInJSONIsRead(t *testing.T) {
	r, err := graphql.ParseRequest([]byte(`{"query":"{ id }","operationName":null,"variables":{"a":1.0},"extensions":{}}`))
	if err != nil || r.Query != "{ id }" || r.OperationName != "" || string(r.Variables) != `{"a":1.0}` {
		t.Errorf("%+v, %v", r, err)
	}
	for _, body := range []string{``, `[]`, `{"query":1}`, `{"query":"{ id }","quer":1}`, `{"query":"a","query":"b"}`, `{"query":"{ id }"`} {
		if r, err := graphql.ParseRequest([]byte(body)); err == nil {
			t.Errorf("%s was read as %+v", body, r)
		}
	}
}

// A request never makes the engine panic, fail inside or answer what is no
// JSON.
func FuzzExecute(f *testing.F) {
	for _, query := range []string{
		`{ id name(use: official) @flatten { given @first } }`, `query A($a: code = x) { name(use: $a, _count: 1) { use } }`,
		`{ ObservationList(_reference: subject) { subject { resource(optional: true, type: Patient) { id } } } }`,
		`{ ...a } fragment a on Patient { telecom @slice(path: "use") { value } __typename }`,
		`{ PatientConnection(name: "x", _sort: "-_id") { count edges { mode resource { id } } next } }`,
		`{ PatientConnection(_cursor: "eyJ0IjoiUGF0aWVudCIsInAiOltbIm5hbWUiLCJ4Il1dLCJhIjoiMSIsIm8iOjEsImIiOlt7fV19") { offset previous edges { score } } }`,
		`{ __type(name: "Patient") { fields { name } } }`, `{ PatientList(fhirpath: "active", _offset: 1) { _birthDate { extension { url } } } }`,
	} {
		f.Add(query, "", `{"a":"official"}`)
	}
	w := r4(f, peter, practitioner, clinic, weight("a", "peter", "70"))
	f.Fuzz(func(t *testing.T, query, name, variables string) {
		body, err := json.Marshal(map[string]any{"query": query, "operationName": name, "variables": json.RawMessage(variables)})
		if err != nil {
			body = []byte(query)
		}
		r, err := graphql.ParseRequest(body)
		if err != nil {
			r = graphql.Request{Query: query, OperationName: name, Variables: []byte(variables)}
		}
		w.reads, w.searches = nil, nil
		for _, on := range []string{"", "Patient/peter"} {
			out, err := w.schema.Execute(context.Background(), r, w.trees[on], w, graphql.Limits{Answer: 1 << 20})
			if _, ok := errors.AsType[*graphql.Failure](err); err != nil && !ok {
				t.Errorf("%q failed with %T: %v", query, err, err)
			}
			if err == nil && !json.Valid(out) {
				t.Errorf("%q gave %q", query, out)
			}
		}
	})
}
