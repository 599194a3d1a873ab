// Package fhirpath is FHIRPath: the normative language 2.0.0 with the
// trial-use parts of 3.0, and what FHIR adds to it. Expressions are compiled
// once and evaluated over nodes of package fhir.
//
// The package does no input or output and has no clock: what an expression
// asks of the world (a resource, a value set, a profile, the time) comes
// through Env.
//
// Where the specification leaves room:
//
//   - A date-time without a time zone may be any of UTC-12 to UTC+14, so it is
//     ordered against one with a zone only when that decides nothing.
//   - Calendar years and months are converted into each other and, as 365 and
//     30 days, into other calendar durations, but not into UCUM's a and mo;
//     those of FHIR elements may stand for either.
//   - Evaluate is lenient: an element that the type does not have is empty.
//     Check tells such errors from the definitions alone.
//   - is() respects the derivation of types, so a code is a string; as() and
//     ofType() select primitives of the very type only, as HL7's suites have it.
//   - Regular expressions are RE2: no look-around, no back references.
package fhirpath

import (
	"context"
	"sync"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Expression is a compiled expression. It is immutable and safe for
// concurrent use.
type Expression struct {
	source string
	syntax *Syntax
	op     op
}

// Compile parses src. The error is a *SyntaxError for text outside the
// grammar, a *SemanticError for an unknown function or a wrong number of
// arguments.
func Compile(src string) (*Expression, error) {
	s, err := parse(src)
	if err != nil {
		return nil, err
	}
	o, err := compile(s)
	if err != nil {
		return nil, err
	}
	return &Expression{source: src, syntax: s, op: o}, nil
}

// MustCompile is Compile for expressions known to be right; it panics on an
// error.
func MustCompile(src string) *Expression {
	x, err := Compile(src)
	if err != nil {
		panic("fhirpath: " + src + ": " + err.Error())
	}
	return x
}

// String returns the source text.
func (x *Expression) String() string { return x.source }

// Syntax returns the tree of the expression.
func (x *Expression) Syntax() *Syntax { return x.syntax }

var evaluations = sync.Pool{New: func() any { return new(evaluation) }}

// Evaluate runs the expression with input as its focus ($this, %context). env
// may be nil. The result is new and belongs to the caller. Errors are
// *EvaluationError, *SemanticError, *LimitError, ctx's error, or what an
// interface of env returned.
func (x *Expression) Evaluate(ctx context.Context, env *Env, input Collection) (Collection, error) {
	return x.Append(ctx, env, input, nil)
}

// Append is Evaluate that appends the result to dst, for callers that reuse a
// buffer.
func (x *Expression) Append(ctx context.Context, env *Env, input, dst Collection) (Collection, error) {
	e := begin(ctx, env, input)
	s := e.scope(input, nil)
	out, err := x.op.eval(e, s, dst)
	e.drop(s)
	e.end()
	if err != nil {
		return nil, err
	}
	return out, nil
}

// AppendNode is Append with one element as the input.
func (x *Expression) AppendNode(ctx context.Context, env *Env, focus fhir.Node, dst Collection) (Collection, error) {
	e := begin(ctx, env, nil)
	s := e.scopeOf(NodeValue(focus), nil)
	e.input = s.focus
	out, err := x.op.eval(e, s, dst)
	e.drop(s)
	e.end()
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Holds says whether an invariant holds for an element: it does unless its
// expression evaluates to false. An empty result holds: FHIR's own invariants
// are written so (ref-1 of R4 is empty for a Reference that has only a
// display). A single item that is no boolean counts as true, by singleton
// evaluation.
func (x *Expression) Holds(ctx context.Context, env *Env, focus fhir.Node) (bool, error) {
	t, err := x.truth(ctx, env, focus)
	return t != isFalse, err
}

// Matches says whether a criterion selects an element: its expression must
// evaluate to true, as in where().
func (x *Expression) Matches(ctx context.Context, env *Env, focus fhir.Node) (bool, error) {
	t, err := x.truth(ctx, env, focus)
	return t == isTrue, err
}

func (x *Expression) truth(ctx context.Context, env *Env, focus fhir.Node) (truth, error) {
	e := begin(ctx, env, nil)
	s := e.scopeOf(NodeValue(focus), nil)
	e.input = s.focus
	t, err := e.truth(s, x.op, x.syntax)
	e.drop(s)
	e.end()
	return t, err
}
