package records

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// TerminologyRequest is one call of a terminology operation.
type TerminologyRequest struct {
	Release        definitions.Release // of the answer and the packages; "" for the primary one
	Key            fhir.Key            // ID empty: on the type
	Inputs         terminology.Inputs
	AcceptLanguage string
}

// Expand performs ValueSet/$expand and returns the expanded ValueSet as JSON.
// Stored value sets and code systems that the session may see go before those
// of packages.
func (s *Session) Expand(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	rel := s.door.releaseOf(r.Release, "")
	req, err := terminology.ExpandInputs(r.Inputs, r.AcceptLanguage)
	if err != nil {
		return nil, err
	}
	if instance, err := s.instance(ctx, r.Key); err != nil {
		return nil, err
	} else if instance != nil {
		req.ValueSet = instance.valueSet
	}
	req.Stamp = terminology.Stamp{Identifier: "urn:uuid:" + uuid.NewString(), Time: s.door.now()}
	e, err := s.terminology(rel).Expand(ctx, req)
	if err != nil {
		return nil, err
	}
	return e.JSON(rel.defs.Release), nil
}

// ValidateCode performs ValueSet/$validate-code or CodeSystem/$validate-code,
// as the type of the key has it, and returns the Parameters as JSON.
func (s *Session) ValidateCode(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	req, err := terminology.ValidateInputs(r.Inputs, r.AcceptLanguage, r.Key.Type == "CodeSystem")
	if err != nil {
		return nil, err
	}
	if instance, err := s.instance(ctx, r.Key); err != nil {
		return nil, err
	} else if instance != nil {
		req.ValueSet, req.CodeSystem = instance.valueSet, instance.codeSystem
	}
	v, err := s.terminology(s.door.releaseOf(r.Release, "")).ValidateCode(ctx, req)
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON(v.Parameters()), nil
}

// BatchValidateCode performs a batch of validations and returns their answers
// in a Parameters as JSON: of each, a Parameters, or the OperationOutcome of
// its error.
func (s *Session) BatchValidateCode(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	batch, err := terminology.BatchInputs(r.Inputs)
	if err != nil {
		return nil, err
	}
	out := make([]terminology.Parameter, len(batch))
	for i := range batch {
		one := r
		one.Inputs = batch[i]
		answer, err := s.ValidateCode(ctx, one)
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind != fault.Internal {
			answer = terminology.OutcomeJSON(e.Issues)
		} else if err != nil {
			return nil, err
		}
		out[i] = terminology.Parameter{Name: "validation", Type: "resource", JSON: answer}
	}
	return terminology.ParametersJSON(out), nil
}

// Lookup performs CodeSystem/$lookup and returns the Parameters as JSON.
func (s *Session) Lookup(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	req, err := terminology.LookupInputs(r.Inputs, r.AcceptLanguage)
	if err != nil {
		return nil, err
	}
	if instance, err := s.instance(ctx, r.Key); err != nil {
		return nil, err
	} else if instance != nil {
		req.CodeSystem = instance.codeSystem
	}
	list, err := s.terminology(s.door.releaseOf(r.Release, "")).Lookup(ctx, req)
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON(list), nil
}

// Subsumes performs CodeSystem/$subsumes and returns the Parameters as JSON.
func (s *Session) Subsumes(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	req, err := terminology.SubsumesInputs(r.Inputs)
	if err != nil {
		return nil, err
	}
	if instance, err := s.instance(ctx, r.Key); err != nil {
		return nil, err
	} else if instance != nil {
		req.CodeSystem = instance.codeSystem
	}
	outcome, err := s.terminology(s.door.releaseOf(r.Release, "")).Subsumes(ctx, req)
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON([]terminology.Parameter{{Name: "outcome", Type: "valueCode", Text: outcome}}), nil
}

// Translate performs ConceptMap/$translate and returns the Parameters as JSON.
func (s *Session) Translate(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	rel := s.door.releaseOf(r.Release, "")
	req, err := terminology.TranslateInputs(r.Inputs)
	if err != nil {
		return nil, err
	}
	if instance, err := s.instance(ctx, r.Key); err != nil {
		return nil, err
	} else if instance != nil {
		req.ConceptMap = instance.conceptMap
	}
	t, err := s.terminology(rel).Translate(ctx, req)
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON(t.Parameters(rel.defs.Release)), nil
}

// instance is the resource on which an operation is called, nil on a type.
func (s *Session) instance(ctx context.Context, key fhir.Key) (*ready, error) {
	if key.ID == "" {
		return nil, nil
	}
	record, err := s.visible(ctx, s.door.store, key)
	if err != nil {
		return nil, err
	}
	if record.Deleted {
		return nil, gone(record)
	}
	made, err := s.door.ready(ctx, record)
	if err == nil && *made == (ready{}) {
		err = fault.New(fault.Unprocessable, fault.CodeNotSupported, "", "%s is no value set, code system or concept map", key)
	}
	return made, s.door.fault(err)
}
