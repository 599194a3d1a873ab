package fhirapi

import (
	"context"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

func lastNOperation() *operation {
	return &operation{
		name: "lastn", url: "http://hl7.org/fhir/OperationDefinition/Observation-lastn",
		typed: true, types: []fhir.Type{"Observation"}, run: (*call).lastN,
		doc: "The newest observations of each code of a patient or subject (parameter max, and those of a search).",
	}
}

// lastN performs $lastn (R4 Observation-lastn).
func (c *call) lastN(ctx context.Context, in *invocation) ([]byte, error) {
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return nil, err
	}
	result, err := c.session.LastN(ctx, records.LastNRequest{Pairs: pairs, Handling: c.handling(), Release: c.format.release})
	if err != nil {
		return nil, err
	}
	return c.searchset(in, result, "")
}
