package fhirapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func graphqlServer(t *testing.T) *server {
	s := newServer(t)
	s.put("/Patient/alice", alice)
	s.put("/Observation/w1", weight("w1", "alice"))
	s.put("/Observation/w2", weight("w2", "alice"))
	return s
}

func graphqlURL(at, query string) string { return at + "/$graphql?query=" + url.QueryEscape(query) }

func TestGraphQLIsAskedByGetAndByPost(t *testing.T) {
	s := graphqlServer(t)
	const query = `query Q($n: Int) { name { family } ObservationList(_reference: patient, _count: $n) { id } }`
	body, err := json.Marshal(map[string]any{"query": query, "operationName": "Q", "variables": map[string]int{"n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"data":{"name":[{"family":"Archer"}],"ObservationList":[{"id":"w1"}]}}`
	for _, a := range []*answer{
		s.get(graphqlURL("/Patient/alice", query) + `&operationName=Q&variables=` + url.QueryEscape(`{"n":1}`)),
		s.do("POST", "/Patient/alice/$graphql", string(body), "Content-Type", "application/json"),
		s.do("POST", "/Patient/alice/$graphql?variables="+url.QueryEscape(`{"n":1}`), query, "Content-Type", "application/graphql"),
		s.do("POST", "/Patient/alice/$graphql", url.Values{"query": {query}, "variables": {`{"n":1}`}}.Encode(), "Content-Type", "application/x-www-form-urlencoded"),
		s.do("POST", "/Patient/alice/$graphql?variables="+url.QueryEscape(`{"n":1}`),
			`{"resourceType":"Parameters","parameter":[{"name":"query","valueString":"`+query+`"}]}`),
	} {
		a.want(200).header("Content-Type", "application/json; charset=utf-8")
		if a.body != want {
			t.Errorf("%s: %s", a.Request.Header.Get("Content-Type"), a.body)
		}
	}
	s.get(graphqlURL("", `{ PatientList(name: "archer") { id } }`)).want(200).has(`{"data":{"PatientList":[{"id":"alice"}]}}`)
	s.get(graphqlURL("", `{ PatientList { id } }`) + "&_pretty=true").want(200).has("\n  \"data\"")
	s.get(graphqlURL("", `{ PatientList { id } }`), "Accept", "application/graphql-response+json").want(200).header("Content-Type", "application/graphql-response+json; charset=utf-8")
	s.get(graphqlURL("", `{ PatientList { id } }`), "Accept", "application/fhir+xml").want(406)
	s.get(graphqlURL("", `{ PatientList { id } }`), "Accept", "text/plain").want(406)
	s.get(graphqlURL("/Patient", `{ id }`)).want(404).has("the base or an instance")
	s.get("/metadata").want(200).has(`"name":"graphql","definition":"http://hl7.org/fhir/OperationDefinition/Resource-graphql"`)
}

func TestTheErrorsOfGraphQLHaveAPathAndAnOperationOutcome(t *testing.T) {
	s := graphqlServer(t)
	a := s.get(graphqlURL("/Patient/alice", "{ id\n name { famly } }")).want(400).header("Content-Type", "application/json; charset=utf-8")
	var got struct {
		Data   *struct{}
		Errors []struct {
			Message    string
			Path       []any
			Locations  []struct{ Line, Column int }
			Extensions struct {
				Resource struct {
					ResourceType string
					Issue        []struct{ Severity, Code string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Errors) != 1 || got.Data != nil {
		t.Fatalf("%s", a.body)
	}
	e := got.Errors[0]
	if !strings.Contains(e.Message, "did you mean family?") || len(e.Path) != 2 || e.Path[1] != "famly" || e.Locations[0].Line != 2 ||
		e.Extensions.Resource.ResourceType != "OperationOutcome" || e.Extensions.Resource.Issue[0].Code != "not-supported" {
		t.Errorf("%s", a.body)
	}
	s.get(graphqlURL("", `{ PatientList { id }`)).want(400).has(`"errors":[{"message":"the query cannot be read`)
	s.get(graphqlURL("", strings.Repeat("{extension", 50)+"{id"+strings.Repeat("}", 51))).want(400)
	s.get(graphqlURL("/Patient/alice", strings.Repeat("{extension", 50)+"{id"+strings.Repeat("}", 51))).want(422).has("more than 25 fields deep", "too-costly")
	s.get(graphqlURL("/Patient/none", `{ id }`)).want(404).has(`"errors"`, "OperationOutcome")
	s.get(graphqlURL("", `{ Patient(id: none) { id } }`)).want(404).has(`"path":["Patient"]`)
	s.get(graphqlURL("", `{ PatientList(birthdate: "soon") { id } }`)).want(400).has(`"path":["PatientList"]`)
	s.get("/$graphql").want(400).has("the query is missing")
	s.get("/$graphql?query={id}&nonsense=1").want(400).has("nonsense", `"errors"`)
	s.do("POST", "/$graphql", `{"query":"{ id }","quer":1}`, "Content-Type", "application/json").want(400)
	s.do("POST", "/$graphql", `{ id }`, "Content-Type", "text/plain").want(415)
	s.do("POST", "/$graphql", `{"query":"`+strings.Repeat("x", 5<<20)+`"}`, "Content-Type", "application/json").want(413).has("4.0 MiB")
	s.do("POST", "/$graphql", `mutation { PatientDelete(id: "alice") }`, "Content-Type", "application/graphql").want(400).has("only reads")
	s.get("/Patient/alice").want(200)
}

func TestGraphQLInABatchIsABinary(t *testing.T) {
	s := graphqlServer(t)
	s.do("POST", "", `{"resourceType":"Bundle","type":"batch","entry":[
		{"request":{"method":"GET","url":"Patient/alice/$graphql?query=`+url.QueryEscape(`{ id }`)+`"}},
		{"request":{"method":"GET","url":"$graphql?query=`+url.QueryEscape(`{ nothing }`)+`"}}]}`).want(200).
		has(`{"resourceType":"Binary","contentType":"application/json","data":"eyJkYXRhIjp7ImlkIjoiYWxpY2UifX0="}`, `"status":"400`, "Query has no field nothing")
}

func TestGraphQLIsAppliedToWhatAnOperationReturns(t *testing.T) {
	s := graphqlServer(t)
	query := url.QueryEscape(`{ parameter(name: "result") @flatten { part @flatten { valueString @singleton } } }`)
	s.get("/Patient/alice/$fhirpath?expression=name.family&_graphql=" + query).want(200).has(`{"data":{"valueString":"Archer"}}`)
	s.get("/Patient/alice/$fhirpath?expression=name.family&_graphql=" + url.QueryEscape("{ parametr }")).want(400).has("did you mean parameter")
	s.get("/Patient/alice/$fhirpath?expression=name.family&_graphql=").want(400).has("_graphql is empty")
	s.do("POST", "/Patient/alice/$expunge?_graphql="+query, "").want(400).has("which writes")
	s.get("/Patient/none/$fhirpath?expression=name.family&_graphql=" + query).want(404).has("OperationOutcome").hasNot(`"errors"`)
}

func TestGraphQLIntrospectionIsServed(t *testing.T) {
	s := graphqlServer(t)
	s.get(graphqlURL("", `{ __schema { queryType { name } types { name } } }`)).want(200).has(`"queryType":{"name":"Query"}`, `{"name":"PatientConnection"}`)
}
