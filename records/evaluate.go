package records

import (
	"context"
	"errors"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// EvaluateRequest is a $fhirpath call.
type EvaluateRequest struct {
	Expression string
	Context    string   // expression whose results are each a focus; "" for the resource
	Content    *Content // the resource, or
	Key        fhir.Key // a stored one; both empty: none
	Variables  map[string]fhirpath.Collection
	// Validate refuses what the definitions tell to be wrong, such as elements
	// that a type does not have, which are empty otherwise.
	Validate bool
}

// Evaluation is what the expression gave for one focus.
type Evaluation struct {
	Focus  string // path of the focus, "" for none
	Result fhirpath.Collection
	Traces []Trace
}

// Trace is what one call of trace() was given.
type Trace struct {
	Name   string
	Values fhirpath.Collection
}

// EvaluateResult is the answer to a $fhirpath call.
type EvaluateResult struct {
	Resource    *fhir.Tree // that was evaluated over, or nil
	Expression  *fhirpath.Expression
	Evaluations []Evaluation
}

// Evaluate evaluates a FHIRPath expression over a resource. What it can reach
// through resolve() is what the session may read.
func (s *Session) Evaluate(ctx context.Context, r EvaluateRequest) (*EvaluateResult, error) {
	ctx, pass := span.Start(ctx, "door evaluate")
	defer pass.End()
	expression, err := compile("expression", r.Expression)
	if err != nil {
		return nil, err
	}
	tree, err := s.evaluated(ctx, r)
	if err != nil {
		return nil, err
	}
	env := s.Environment(tree)
	for name := range r.Variables {
		if fhirpath.Reserved(name) {
			return nil, fault.New(fault.Invalid, fault.CodeInvalid, "",
				"%%%s is a variable of FHIRPath itself and cannot be given a value: give yours another name", name)
		}
	}
	env.Variables = r.Variables
	env.Limits, env.Used = evaluateLimits, new(fhirpath.Usage)
	var input fhirpath.Collection
	if tree != nil {
		input = fhirpath.Collection{fhirpath.NodeValue(tree.Root())}
	}
	foci := []fhirpath.Collection{input}
	var context *fhirpath.Expression
	if r.Context != "" {
		if context, err = compile("context", r.Context); err != nil {
			return nil, err
		}
	}
	if r.Validate {
		if err := validateExpression(env, tree, context, expression); err != nil {
			return nil, err
		}
	}
	if context != nil {
		found, err := context.Evaluate(ctx, env, input)
		if err != nil {
			return nil, evaluationFailed(err)
		}
		foci = foci[:0]
		for i := range found {
			foci = append(foci, found[i:i+1])
		}
	}
	result := &EvaluateResult{Resource: tree, Expression: expression}
	var size answerSize
	for _, focus := range foci {
		var e Evaluation
		if len(focus) == 1 {
			if n, ok := focus[0].Node(); ok {
				e.Focus = n.Path()
			}
		}
		env.Trace = func(name string, c fhirpath.Collection) {
			if size.add(c); !size.over() {
				e.Traces = append(e.Traces, Trace{name, append(fhirpath.Collection(nil), c...)})
			}
		}
		if e.Result, err = expression.Evaluate(ctx, env, focus); err != nil {
			return nil, evaluationFailed(err)
		}
		if size.add(e.Result); size.over() {
			return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
				"the answer would hold more than %d items or %s: make the expression find less, for example with take(100)", maxItems, humanize.IBytes(maxAnswer))
		}
		result.Evaluations = append(result.Evaluations, e)
	}
	return result, nil
}

// validateExpression infers the types in an expression without evaluating it.
// context may be nil.
func validateExpression(env *fhirpath.Env, tree *fhir.Tree, context, expression *fhirpath.Expression) error {
	focus := fhirpath.ShapeOf(env.Definitions, "")
	if tree != nil {
		focus = fhirpath.ShapeOf(env.Definitions, tree.Root().Type().Name)
	}
	if context != nil {
		var err error
		if focus, err = context.Infer(env.Definitions, focus); err != nil {
			return fault.New(fault.Invalid, fault.CodeInvalid, "", "the context is not valid: %v", err)
		}
	}
	if _, err := expression.Infer(env.Definitions, focus); err != nil {
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "the expression is not valid: %v", err)
	}
	return nil
}

// evaluateLimits bound the work of one $fhirpath call, over all of its foci, to
// about a second.
var evaluateLimits = fhirpath.Limits{Steps: 1_000_000, Items: 100_000, Text: 4 << 20, Texts: 16 << 20}

// Bounds on the answer to one $fhirpath call.
const (
	maxItems  = 10_000
	maxAnswer = 16 << 20
)

// answerSize is how large the answer becomes, counted until it is too large.
type answerSize struct{ items, bytes int }

func (s *answerSize) over() bool { return s.items > maxItems || s.bytes > maxAnswer }

func (s *answerSize) add(c fhirpath.Collection) {
	// trace() of nothing is an item, too.
	s.items += 1 + len(c)
	for _, v := range c {
		if s.over() {
			return
		}
		n, ok := v.Node()
		if !ok {
			s.bytes += len(v.String())
			continue
		}
		s.bytes += len(n.Text())
		for d := range n.Descendants() {
			// Names and punctuation take about as much as a short text.
			if s.bytes += 32 + len(d.Text()); s.over() {
				return
			}
		}
	}
}

// evaluated is the resource that a request means, or nil.
func (s *Session) evaluated(ctx context.Context, r EvaluateRequest) (*fhir.Tree, error) {
	if r.Content != nil {
		_, tree, err := s.door.parse(*r.Content)
		return tree, err
	}
	if r.Key.Type == "" {
		return nil, nil
	}
	record, err := s.visible(ctx, s.door.store, r.Key, smart.Read)
	if err != nil {
		return nil, err
	}
	if record.Deleted {
		return nil, gone(record)
	}
	return s.whole(ctx, record)
}

// Environment is what FHIRPath is evaluated in on behalf of the session. tree
// may be nil.
func (s *Session) Environment(tree *fhir.Tree) *fhirpath.Env {
	rel := s.door.release("")
	env := &fhirpath.Env{Now: s.door.config.Clock()}
	if tree != nil {
		if r := s.door.release(tree.Definitions().Release); r != nil {
			rel = r
		}
		env.Resource, env.RootResource = tree.Root(), tree.Root()
	}
	env.Definitions = rel.defs
	env.Resolver = &resolver{s: s}
	terms := s.terminology(rel)
	env.Terminology = validate.Terms(terms, s.stamp())
	env.Profiles = rel.rules.With(terms)
	return env
}

func compile(what, source string) (*fhirpath.Expression, error) {
	if strings.TrimSpace(source) == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "the %s is missing: write FHIRPath, such as name.given", what)
	}
	x, err := fhirpath.Compile(source)
	if err != nil {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "the %s cannot be read: %v", what, err)
	}
	return x, nil
}

func evaluationFailed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*fhirpath.LimitError](err); ok {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
			"the expression takes too much work: more than %s %s; make it look at less, for example with where() or take() early on, or in several calls",
			humanize.Comma(int64(e.Max)), e.Limit)
	}
	return fault.New(fault.Unprocessable, fault.CodeProcessing, "", "the expression failed: %v", err)
}

// whole is the tree of a record with the content of a Binary in it.
func (d *Door) whole(ctx context.Context, record store.Record) (*fhir.Tree, error) {
	res, err := d.resource(ctx, record)
	if err != nil {
		return nil, err
	}
	record.Body = res.JSON
	return d.tree(record)
}
