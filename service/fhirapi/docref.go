package fhirapi

import (
	"context"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

func docRefOperation() *operation {
	return &operation{
		name: "docref", url: "http://hl7.org/fhir/us/core/OperationDefinition/docref",
		typed: true, types: []fhir.Type{"DocumentReference"}, run: (*call).docRef,
		doc: "The references to a patient's documents (parameters patient, start, end, type, on-demand, profile): " +
			"without dates the newest current one of each type. Of several types or profiles any is enough. Documents are not generated on demand.",
	}
}

// docRef performs $docref (US Core 6.1 and 7.0).
func (c *call) docRef(ctx context.Context, in *invocation) ([]byte, error) {
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return nil, err
	}
	criteria, after := cutCursor(pairs)
	result, err := c.session.DocRef(ctx, records.DocRefRequest{Pairs: criteria, After: after, Release: c.format.release})
	if err != nil {
		return nil, err
	}
	return c.searchset(in, result, after)
}
