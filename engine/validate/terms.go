package validate

import (
	"context"
	"errors"
	"net/url"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Terms lets FHIRPath ask a terminology service: memberOf, subsumes and the
// operations of %terminologies. stamp marks expansions.
func Terms(s *terminology.Service, stamp terminology.Stamp) fhirpath.Terminology {
	return terms{s, stamp}
}

type terms struct {
	service *terminology.Service
	stamp   terminology.Stamp
}

// MemberOf says whether one of the concepts is in the value set; what cannot
// be told counts as not known.
func (t terms) MemberOf(ctx context.Context, valueSet string, concepts []fhirpath.Concept) (member, ok bool, err error) {
	ok = true
	for _, c := range concepts {
		answer, err := t.service.Member(ctx, valueSet, terminology.Coding{System: c.System, Code: c.Code})
		switch {
		case err != nil:
			return false, false, err
		case answer == terminology.Yes:
			return true, true, nil
		case answer == terminology.Unknown:
			ok = false
		}
	}
	return false, ok && t.service.Knows(ctx, valueSet), nil
}

// Subsumes compares two codes of a system.
func (t terms) Subsumes(ctx context.Context, system, codeA, codeB string) (string, error) {
	relation, err := t.service.Subsumes(ctx, terminology.SubsumesRequest{
		System: system, A: definitions.Coding{Code: codeA}, B: definitions.Coding{Code: codeB},
	})
	return relation, unanswered(err)
}

// Operation performs an operation of %terminologies. What cannot be answered
// has no result.
func (t terms) Operation(ctx context.Context, call fhirpath.TerminologyCall) (fhir.Node, error) {
	json, err := t.operation(ctx, call)
	if err != nil || json == nil {
		return fhir.Node{}, unanswered(err)
	}
	tree, err := fhir.ParseJSON(t.service.Definitions(), json, fhir.Limits{})
	if err != nil {
		return fhir.Node{}, err
	}
	return tree.Root(), nil
}

// unanswered takes an error that says that there is no answer for none.
func unanswered(err error) error {
	if e, ok := errors.AsType[*fault.Error](err); ok && (e.Kind == fault.NotFound || e.Kind == fault.Unprocessable) {
		return nil
	}
	return err
}

func (t terms) operation(ctx context.Context, call fhirpath.TerminologyCall) ([]byte, error) {
	in, err := inputs(call)
	if err != nil {
		return nil, err
	}
	switch call.Name {
	case "expand":
		return t.expand(ctx, in, call)
	case "lookup":
		r, err := terminology.LookupInputs(in, "")
		if err != nil {
			return nil, err
		}
		list, err := t.service.Lookup(ctx, r)
		return parameters(list, err)
	case "validateVS", "validateCS":
		return t.validate(ctx, in, call)
	case "translate":
		return t.translate(ctx, in, call)
	}
	return nil, nil
}

// inputs are the parameters of a call, its first concept as code and system.
func inputs(call fhirpath.TerminologyCall) (terminology.Inputs, error) {
	values, err := url.ParseQuery(call.Params)
	if err != nil {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "the parameters of %%terminologies.%s() are no URL query", call.Name)
	}
	var in terminology.Inputs
	for name, list := range values {
		for _, v := range list {
			in = append(in, terminology.Input{Name: name, Text: v})
		}
	}
	add := func(name, text string) {
		if text != "" {
			in = append(in, terminology.Input{Name: name, Text: text})
		}
	}
	if call.Resource.IsZero() {
		add("url", call.URL)
	}
	if len(call.Concepts) > 0 {
		add("code", call.Concepts[0].Code)
		add("system", call.Concepts[0].System)
	}
	return in, nil
}

func parameters(list []terminology.Parameter, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON(list), nil
}

func (t terms) expand(ctx context.Context, in terminology.Inputs, call fhirpath.TerminologyCall) ([]byte, error) {
	r, err := terminology.ExpandInputs(in, "")
	if err != nil {
		return nil, err
	}
	given, err := resource(call)
	if err != nil {
		return nil, err
	}
	r.ValueSet, r.Stamp = given.ValueSet, t.stamp
	e, err := t.service.Expand(ctx, r)
	if err != nil {
		return nil, err
	}
	return e.JSON(t.service.Definitions().Release), nil
}

func (t terms) validate(ctx context.Context, in terminology.Inputs, call fhirpath.TerminologyCall) ([]byte, error) {
	r, err := terminology.ValidateInputs(in, "", call.Name == "validateCS")
	if err != nil {
		return nil, err
	}
	given, err := resource(call)
	if err != nil {
		return nil, err
	}
	r.ValueSet, r.CodeSystem = given.ValueSet, given.CodeSystem
	r.InferSystem = r.InferSystem || call.Concepts[0].System == ""
	if r.Codings = concepts(call); len(r.Codings) > 1 {
		r.Form = terminology.FormConcept
	}
	v, err := t.service.ValidateCode(ctx, r)
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON(v.Parameters()), nil
}

func (t terms) translate(ctx context.Context, in terminology.Inputs, call fhirpath.TerminologyCall) ([]byte, error) {
	r, err := terminology.TranslateInputs(in)
	if err != nil {
		return nil, err
	}
	given, err := resource(call)
	if err != nil {
		return nil, err
	}
	r.ConceptMap, r.Codings = given.ConceptMap, concepts(call)
	found, err := t.service.Translate(ctx, r)
	if err != nil {
		return nil, err
	}
	return terminology.ParametersJSON(found.Parameters(t.service.Definitions().Release)), nil
}

func concepts(call fhirpath.TerminologyCall) []definitions.Coding {
	out := make([]definitions.Coding, len(call.Concepts))
	for i, c := range call.Concepts {
		out[i] = definitions.Coding(c)
	}
	return out
}

// resource reads the value set, code system or concept map that the caller
// passed, if any.
func resource(call fhirpath.TerminologyCall) (terminology.Resource, error) {
	if call.Resource.IsZero() {
		return terminology.Resource{}, nil
	}
	return terminology.ParseResource(call.Resource.AppendJSON(nil))
}
