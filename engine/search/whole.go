package search

import (
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// wholeRule is an expression that is more than a path: engine/fhirpath
// evaluates it from the focus.
type wholeRule struct {
	expression *fhirpath.Expression
	to         sink
}

func compileWhole(expression string, to sink) (*wholeRule, error) {
	compiled, err := fhirpath.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("its expression is not FHIRPath: %w", err)
	}
	return &wholeRule{compiled, to}, nil
}

// maxSteps is how many steps an expression may take on one resource, some 200
// milliseconds; those of the releases take ten for each entry of a List.
const maxSteps = 3_000_000

// evaluate makes entries of what an expression gives. One that fails on a
// resource gives none: the resource is still found by its other parameters. One
// that takes too much has the resource refused. There is no clock and no
// resolver, so the same resource always gives the same entries.
func (x *extraction) evaluate(rule *wholeRule, focus fhir.Node) {
	if x.refused != nil {
		return
	}
	env := fhirpath.Env{Resource: x.root, RootResource: x.root, Definitions: x.c.defs, Limits: fhirpath.Limits{Steps: maxSteps}}
	values, err := rule.expression.AppendNode(x.ctx, &env, focus, nil)
	if limit, ok := errors.AsType[*fhirpath.LimitError](err); ok {
		x.refused = fault.New(fault.Unprocessable, fault.CodeTooCostly, focus.Path(),
			"cannot be indexed by the search parameter %s: of its expression, %v; make the resource smaller, or retire the parameter if it is a stored one", rule.to.param.Code, limit)
	}
	if err != nil {
		return
	}
	for _, v := range values {
		if n, ok := v.Node(); ok {
			x.take(rule.to, n)
			continue
		}
		x.takeValue(rule.to, v)
	}
}

// takeValue makes an entry of a value that was computed.
func (x *extraction) takeValue(s sink, v fhirpath.Value) {
	x.param = s.param.Param
	if s.part > 0 {
		x.param = Param{Kind: s.param.components[s.part-1].kind}
	}
	text := v.String()
	switch x.param.Kind {
	case definitions.SearchToken:
		if _, ok := v.Truth(); ok {
			x.addToken(specialValues, text, "")
		} else {
			x.addToken("", text, "")
		}
	case definitions.SearchString:
		x.addText(text)
	case definitions.SearchURI:
		x.add(Entry{URL: Bound(text)})
	case definitions.SearchReference:
		x.addReference(text, false)
	case definitions.SearchDate:
		if r, ok := ParseTime(text); ok {
			x.add(Entry{Time: r})
		}
	case definitions.SearchNumber, definitions.SearchQuantity:
		if r, ok := ParseNumber(text); ok {
			x.add(Entry{Number: point(r.Value)})
		}
	}
}
