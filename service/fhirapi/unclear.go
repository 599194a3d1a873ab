package fhirapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
)

func unclearOperation() *operation {
	return &operation{
		name: "unclear", url: "https://ingle.health/fhir/OperationDefinition/unclear", typed: true, types: []fhir.Type{"Consent"}, run: (*call).unclear,
		doc: "Lists the Consents that cannot be computed and were not reviewed, with what is not understood and where (parameter after).",
	}
}

func reviewOperation() *operation {
	return &operation{
		name: "review", url: "https://ingle.health/fhir/OperationDefinition/review", instance: true, writes: true, types: []fhir.Type{"Consent"}, run: (*call).review,
		doc: "Takes a Consent that cannot be computed off the list of $unclear, until it is changed (parameter comment).",
	}
}

// unclear answers with Parameters: a parameter for each Consent, and where to go on.
func (c *call) unclear(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "after")
	}
	if err != nil {
		return nil, err
	}
	list, next, err := c.session.UnclearConsents(ctx, p.text("after"))
	if err != nil {
		return nil, err
	}
	all := []parameter{}
	for _, one := range list {
		part := []parameter{texts("consent", one.Key.String()), whole("version", one.Version), texts("updated", one.Updated.UTC().Format(time.RFC3339))}
		if one.Patient != "" {
			part = append(part, texts("patient", "Patient/"+string(one.Patient)))
		}
		for _, issue := range one.Problems {
			part = append(part, parameter{Name: "problem", Part: []parameter{texts("path", issue.Path), texts("text", issue.Message)}})
		}
		all = append(all, parameter{Name: "unclear", Part: part})
	}
	if next != "" {
		all = append(all, texts("after", next))
	}
	return json.Marshal(parametersResource(all))
}

func (c *call) review(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err == nil {
		err = p.only(in.Op, "comment")
	}
	if err == nil {
		err = c.session.ReviewConsent(ctx, in.ID, p.text("comment"))
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(parametersResource([]parameter{texts("reviewed", in.key().String())}))
}
