package records

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/watch/span"
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
	ctx, pass := span.Start(ctx, "door expand")
	defer pass.End()
	req, err := terminology.ExpandInputs(r.Inputs, r.AcceptLanguage)
	if err != nil {
		return nil, err
	}
	service, on, err := s.called(ctx, r)
	if err != nil {
		return nil, err
	}
	if on.ValueSet != nil {
		req.ValueSet = on.ValueSet
	}
	req.Stamp = s.stamp()
	e, err := service.Expand(ctx, req)
	if err != nil {
		return nil, err
	}
	return e.JSON(service.Definitions().Release), nil
}

// ValidateCode performs ValueSet/$validate-code or CodeSystem/$validate-code,
// as the type of the key has it, and returns the Parameters as JSON.
func (s *Session) ValidateCode(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	req, err := terminology.ValidateInputs(r.Inputs, r.AcceptLanguage, r.Key.Type == "CodeSystem")
	if err != nil {
		return nil, err
	}
	service, on, err := s.called(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.Key.ID != "" {
		req.ValueSet, req.CodeSystem = on.ValueSet, on.CodeSystem
	}
	v, err := service.ValidateCode(ctx, req)
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
	service, on, err := s.called(ctx, r)
	if on.CodeSystem != nil {
		req.CodeSystem = on.CodeSystem
	}
	return parameters(err, func() ([]terminology.Parameter, error) { return service.Lookup(ctx, req) })
}

// Subsumes performs CodeSystem/$subsumes and returns the Parameters as JSON.
func (s *Session) Subsumes(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	req, err := terminology.SubsumesInputs(r.Inputs)
	if err != nil {
		return nil, err
	}
	service, on, err := s.called(ctx, r)
	if on.CodeSystem != nil {
		req.CodeSystem = on.CodeSystem
	}
	return parameters(err, func() ([]terminology.Parameter, error) {
		outcome, err := service.Subsumes(ctx, req)
		return []terminology.Parameter{{Name: "outcome", Type: "valueCode", Text: outcome}}, err
	})
}

// Translate performs ConceptMap/$translate and returns the Parameters as JSON.
func (s *Session) Translate(ctx context.Context, r TerminologyRequest) ([]byte, error) {
	req, err := terminology.TranslateInputs(r.Inputs)
	if err != nil {
		return nil, err
	}
	service, on, err := s.called(ctx, r)
	if on.ConceptMap != nil {
		req.ConceptMap = on.ConceptMap
	}
	return parameters(err, func() ([]terminology.Parameter, error) {
		t, err := service.Translate(ctx, req)
		if err != nil {
			return nil, err
		}
		return t.Parameters(service.Definitions().Release), nil
	})
}

// parameters renders what ask answers, unless there was an error before.
func parameters(err error, ask func() ([]terminology.Parameter, error)) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	list, err := ask()
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON(list), nil
}

// called gives the service for a request, and the resource on which it is
// called, zero on a type.
func (s *Session) called(ctx context.Context, r TerminologyRequest) (*terminology.Service, terminology.Resource, error) {
	on, err := s.instance(ctx, r.Key)
	return s.Terminology(r.Release), on, err
}

// stamp marks an expansion that is made now.
func (s *Session) stamp() terminology.Stamp {
	return terminology.Stamp{Identifier: "urn:uuid:" + uuid.NewString(), Time: s.door.now()}
}

// instance is the resource on which an operation is called, zero on a type.
func (s *Session) instance(ctx context.Context, key fhir.Key) (terminology.Resource, error) {
	if key.ID == "" {
		return terminology.Resource{}, nil
	}
	record, err := s.visible(ctx, s.door.store, key, seeing)
	if err != nil {
		return terminology.Resource{}, err
	}
	if record.Deleted {
		return terminology.Resource{}, gone(record)
	}
	made, err := s.door.ready(ctx, record)
	return made, s.door.fault(err)
}
