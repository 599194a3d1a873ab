package records

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Consented is what a patient's consents come to for a session, for a server elsewhere
// that enforces them (IHE PCF, ITI-71).
type Consented struct {
	Consents []fhir.Key // that are in force and concern who asks
	Policies []string   // that they are based on: Consent.policy.uri
	Residual []access.Residual
}

// residual is Access that can say what is to be enforced elsewhere; access.Rules is one.
type residual interface {
	Residual(consents []access.Consent, at int64) (concerning []fhir.ID, rules []access.Residual)
}

// Consented says what the consents of a patient come to for the session now.
func (s *Session) Consented(ctx context.Context, patient fhir.ID) (Consented, error) {
	var out Consented
	rules, ok := s.access.(residual)
	if !ok {
		return out, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "there are no rules to tell of")
	}
	of, err := s.door.consentsOfAll(ctx, []fhir.ID{patient})
	if err != nil {
		return out, s.door.fault(err)
	}
	var ids []fhir.ID
	ids, out.Residual = rules.Residual(of[0].consents, s.door.now().UnixMicro())
	for _, id := range ids {
		out.Consents = append(out.Consents, fhir.Key{Type: consentType, ID: id})
	}
	if out.Consents == nil {
		return out, nil
	}
	found, err := s.door.store.ReadMany(ctx, out.Consents)
	if err != nil {
		return out, s.door.fault(err)
	}
	for _, r := range found {
		tree, err := s.door.tree(r)
		if err != nil {
			return out, s.door.fault(err)
		}
		for policy := range tree.Root().All("policy") {
			if uri := policy.Child("uri").Text(); uri != "" && !slices.Contains(out.Policies, uri) {
				out.Policies = append(out.Policies, uri)
			}
		}
	}
	return out, nil
}
