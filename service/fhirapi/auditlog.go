package fhirapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func accountingOperation() *operation {
	return &operation{
		name: "accounting", url: "https://ingle.health/fhir/OperationDefinition/accounting",
		instance: true, types: []fhir.Type{"Patient"}, run: (*call).accounting,
		doc: "To whom data of the patient was disclosed in the last six years, but for treatment, payment and operations, as AuditEvents, the newest first (parameter _count).",
	}
}

// accounting performs $accounting (45 CFR 164.528).
func (c *call) accounting(ctx context.Context, in *invocation) ([]byte, error) {
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return nil, err
	}
	criteria, after := cutCursor(pairs)
	if err := (parameters{pairs: criteria}).once("_count"); err != nil {
		return nil, err
	}
	count := 0
	for _, p := range criteria {
		if p.Name != "_count" {
			return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "The parameter %q means nothing to $accounting. Known here: _count.", fault.Shorten(p.Name))
		}
		if count, err = strconv.Atoi(p.Value); err != nil || count < 1 {
			return nil, fault.New(fault.Invalid, fault.CodeValue, "", "_count is a number of 1 or more, not %q.", fault.Shorten(p.Value))
		}
	}
	result, err := c.session.Accounting(ctx, in.ID, after, count)
	if err != nil {
		return nil, err
	}
	result.Self = criteria
	return c.searchset(in, result, after)
}

func proofOperation() *operation {
	return &operation{
		name: "proof", url: "https://ingle.health/fhir/OperationDefinition/audit-proof",
		instance: true, types: []fhir.Type{"AuditEvent"}, serve: (*call).proof,
		doc: "Proves that an event stands in the audit log, against its signed checkpoint; 'ingle audit proof --check' verifies the file without this server.",
	}
}

// proof performs $proof: a file to download, since it is no resource.
func (c *call) proof() error {
	proof, err := c.session.ProveAudit(c.r.Context(), c.key())
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+string(c.ID)+`.proof.json"`)
	h.Set("Content-Length", strconv.Itoa(len(proof)))
	h.Set("Cache-Control", c.cacheable())
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(proof) // the client may be gone
	return nil
}
