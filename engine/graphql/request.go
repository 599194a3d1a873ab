package graphql

import (
	"bytes"

	"github.com/dustin/go-humanize"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/inglehealth/ingle/spec/fault"
)

// Request is a query as a client sends it.
type Request struct {
	Query         string
	OperationName string         // which operation of the query is meant; "" when it has one
	Variables     jsontext.Value // a JSON object; empty for none
}

// ParseRequest reads a request in JSON: an object with query, operationName
// and variables (graphql.org, Serving over HTTP).
func ParseRequest(body []byte) (Request, error) {
	var sent struct {
		Query         *string        `json:"query"`
		OperationName *string        `json:"operationName"`
		Variables     jsontext.Value `json:"variables"`
		Extensions    jsontext.Value `json:"extensions"`
	}
	if err := json.Unmarshal(body, &sent, json.RejectUnknownMembers(true)); err != nil {
		return Request{}, failure(invalid(nil, nil, fault.CodeStructure,
			`the request is not what GraphQL takes in JSON, {"query": "...", "operationName": "...", "variables": {...}}: %v`, err))
	}
	var r Request
	if sent.Query != nil {
		r.Query = *sent.Query
	}
	if sent.OperationName != nil {
		r.OperationName = *sent.OperationName
	}
	r.Variables = sent.Variables
	return r, nil
}

// check refuses what is missing or too large to look at.
func (r Request) check(l Limits) error {
	switch {
	case len(bytes.TrimSpace([]byte(r.Query))) == 0:
		return failure(invalid(nil, nil, fault.CodeRequired, "the query is missing: write GraphQL, such as { PatientList(name: \"ann\") { id } }"))
	case len(r.Query) > l.Query:
		return failure(tooCostly(nil, nil, "the query is longer than %s", humanize.IBytes(uint64(l.Query))))
	case len(r.Variables) > l.Variables:
		return failure(tooCostly(nil, nil, "the variables are longer than %s", humanize.IBytes(uint64(l.Variables))))
	}
	return nil
}
