package fhirapi

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func simulateOperation() *operation {
	return &operation{
		name: "simulate", url: "https://ingle.health/fhir/OperationDefinition/simulate", system: true, run: (*call).simulate,
		doc: "What a user (parameter user, a login or reference) would find with an app (client) for a purpose by a search (query, such as Observation?patient=1): how many, and which, without contents.",
	}
}

// simulate answers with Parameters: the total, the rules in force, and what is found
// on the first page.
func (c *call) simulate(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	if err := p.only("simulate", "user", "client", "purpose", "query"); err != nil {
		return nil, err
	}
	typeName, criteria, _ := strings.Cut(p.text("query"), "?")
	if typeName == "" || !c.known(typeName) {
		return nil, errParameter(p.node("query"), "query is a search of a type, such as Observation?patient=1, with & and ? percent-encoded in an address.")
	}
	pairs, err := records.ParseCriteria(criteria)
	if err != nil {
		return nil, err
	}
	s, to, err := c.asking(p)
	if err != nil {
		return nil, err
	}
	if !to.Everything {
		return nil, fault.New(fault.Forbidden, fault.CodeForbidden, "", "What others find is told to privacy officers and administrators.")
	}
	pairs = slices.DeleteFunc(pairs, func(p search.Pair) bool { return p.Name == "_total" })
	found, err := s.Search(ctx, records.SearchRequest{Type: fhir.Type(typeName), Pairs: append(pairs, search.Pair{Name: "_total", Value: "accurate"}), Handling: c.handling()})
	if err != nil {
		return nil, err
	}
	all := []parameter{whole("total", found.Total), flag("next", found.Next != "")}
	for _, rule := range s.InForce(true) {
		all = append(all, texts("rule", rule))
	}
	for i := range found.Entries {
		all = append(all, texts(string(found.Entries[i].Mode), found.Entries[i].Key.String()))
	}
	in.release = c.door.Definitions("").Release
	return json.Marshal(parametersResource(all))
}
