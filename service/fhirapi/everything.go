package fhirapi

import (
	"context"

	"github.com/inglehealth/ingle/records"
)

func everythingOperation() *operation {
	return &operation{
		name: "everything", url: "https://ingle.health/fhir/OperationDefinition/everything",
		typed: true, instance: true, types: compartments, run: (*call).everything,
		doc: "The resource, what is in its compartment, and what these refer to, in pages (parameters start, end, _since, _type, _count).",
	}
}

// everything performs $everything (R4 Patient-everything, Encounter-everything)
// on each type that has a compartment.
func (c *call) everything(ctx context.Context, in *invocation) ([]byte, error) {
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return nil, err
	}
	criteria, after := cutCursor(pairs)
	result, err := c.session.Everything(ctx, records.EverythingRequest{
		Type: in.Type, ID: in.ID, Pairs: criteria, After: after, Release: c.format.release,
	})
	if err != nil {
		return nil, err
	}
	return c.searchset(in, result, after)
}
