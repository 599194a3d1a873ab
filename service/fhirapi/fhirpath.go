package fhirapi

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// fhirpath performs $fhirpath as the FHIRPath Lab's server API describes it:
// parameters expression, context, resource and variables; the answer repeats
// them under "parameters" and has one "result" for each context.
//
// resource is a resource, an extension that holds one as text, or a relative
// reference to a stored one; at instance level it is the instance.
func (c *call) fhirpath(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	x := &evaluation{c: c, ctx: ctx, expression: p.text("expression"), context: p.text("context")}
	if x.expression == "" {
		return nil, errParameter(p.root, "$fhirpath needs the parameter expression, for example Patient.name.given.")
	}
	if x.resource, err = c.subject(ctx, in, p); err != nil {
		return nil, err
	}
	x.variables = p.node("variables")
	return x.run()
}

// subject finds the resource to evaluate over.
func (c *call) subject(ctx context.Context, in *invocation, p parameters) (fhir.Node, error) {
	n := p.node("resource")
	if n.IsZero() && p.text("resource") == "" {
		if in.ID == "" {
			return fhir.Node{}, errParameter(p.root, "$fhirpath needs the parameter resource: a resource, or a reference to a stored one like Patient/123.")
		}
		return c.stored(ctx, in.key())
	}
	if r := n.Child("resource"); !r.IsZero() {
		return r.CopyTree().Root(), nil
	}
	for e := range n.All("extension") {
		text := []byte(e.Child("value").Text())
		var content records.Content
		switch e.Child("url").Text() {
		case jsonValue:
			content.JSON = text
		case xmlValue:
			content.XML = text
		default:
			continue
		}
		tree, err := c.parse(content)
		if err != nil {
			return fhir.Node{}, err
		}
		return tree.Root(), nil
	}
	reference := p.text("resource")
	if reference == "" {
		reference = n.Child("value").Child("reference").Text()
	}
	key, ok := parseReference(reference)
	if !ok {
		return fhir.Node{}, errParameter(n, "The parameter resource must hold a resource, or a reference to a stored one like Patient/123.")
	}
	return c.stored(ctx, key)
}

func parseReference(reference string) (fhir.Key, bool) {
	typeName, id, ok := strings.Cut(reference, "/")
	key := fhir.Key{Type: fhir.Type(typeName), ID: fhir.ID(id)}
	return key, ok && key.ID.Valid() && typeName != ""
}

func (c *call) stored(ctx context.Context, key fhir.Key) (fhir.Node, error) {
	res, err := c.session.Read(ctx, key, records.ReadOptions{})
	if err != nil {
		return fhir.Node{}, err
	}
	tree, err := c.tree(res.JSON, res.Release)
	if err != nil {
		return fhir.Node{}, err
	}
	return tree.Root(), nil
}

// Resolve implements fhirpath.Resolver over what the session may see.
func (c *call) Resolve(ctx context.Context, _ fhir.Node, reference string) (fhir.Node, error) {
	reference = strings.TrimPrefix(reference, c.door.Base()+"/")
	reference, _, _ = strings.Cut(reference, "/_history/")
	key, ok := parseReference(reference)
	if !ok {
		return fhir.Node{}, nil
	}
	n, err := c.stored(ctx, key)
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Gone) {
		return fhir.Node{}, nil
	}
	return n, err
}

// evaluation is one run of $fhirpath.
type evaluation struct {
	c                   *call
	ctx                 context.Context //nolint:containedctx // it lives as long as the run
	expression, context string
	resource            fhir.Node
	variables           fhir.Node
	answer              *answer
}

func (x *evaluation) run() ([]byte, error) {
	compiled, err := compile("expression", x.expression)
	if err != nil {
		return nil, err
	}
	d := x.resource.Tree().Definitions()
	env := &fhirpath.Env{
		Resource: x.resource, RootResource: x.resource, Definitions: d,
		Variables: x.values(), Now: x.c.api.config.Clock(), Resolver: x.c,
	}
	contexts := []fhirpath.Value{fhirpath.NodeValue(x.resource)}
	if x.context != "" {
		at, err := compile("context", x.context)
		if err != nil {
			return nil, err
		}
		if contexts, err = at.Evaluate(x.ctx, env, contexts); err != nil {
			return nil, errEvaluation("context", err)
		}
	}
	if x.answer, err = newAnswer(d); err != nil {
		return nil, err
	}
	if err := x.echo(d); err != nil {
		return nil, err
	}
	for i, focus := range contexts {
		if err := x.result(compiled, env, i, focus); err != nil {
			return nil, err
		}
	}
	return x.answer.root.AppendJSON(nil), nil
}

func compile(name, source string) (*fhirpath.Expression, error) {
	x, err := fhirpath.Compile(source)
	if err != nil {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "The %s is not FHIRPath: %s", name, err)
	}
	return x, nil
}

// errEvaluation explains an expression that failed while it ran. Errors of
// the store pass as they are.
func errEvaluation(name string, err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code := fault.CodeProcessing
	if _, ok := errors.AsType[*fhirpath.LimitError](err); ok {
		code = fault.CodeTooCostly
	}
	return fault.New(fault.Unprocessable, code, "", "The %s cannot be evaluated: %s", name, err)
}

// values are the user's variables.
func (x *evaluation) values() map[string]fhirpath.Collection {
	if x.variables.IsZero() {
		return nil
	}
	vars := map[string]fhirpath.Collection{}
	for part := range x.variables.All("part") {
		name := part.Child("name").Text()
		value := part.Child("value")
		if value.IsZero() {
			value = part.Child("resource")
		}
		if value.IsZero() {
			vars[name] = vars[name][:len(vars[name]):len(vars[name])]
			if vars[name] == nil {
				vars[name] = fhirpath.Collection{}
			}
			continue
		}
		vars[name] = append(vars[name], fhirpath.NodeValue(value))
	}
	return vars
}

// echo repeats what was asked.
func (x *evaluation) echo(d *definitions.Definitions) error {
	a := x.answer
	asked := a.parameter("parameters")
	a.text(a.part(asked, "evaluator"), "valueString", "Ingle "+x.c.api.config.Version+" ("+string(d.Release)+")")
	if x.context != "" {
		a.text(a.part(asked, "context"), "valueString", x.context)
	}
	a.text(a.part(asked, "expression"), "valueString", x.expression)
	a.graft(a.part(asked, "resource"), "resource", x.resource)
	if !x.variables.IsZero() {
		a.graft(asked, "part", x.variables)
	}
	return a.err
}

// result evaluates the expression in one context.
func (x *evaluation) result(compiled *fhirpath.Expression, env *fhirpath.Env, i int, focus fhirpath.Value) error {
	a := x.answer
	out := a.parameter("result")
	if x.context != "" {
		a.text(out, "valueString", contextName(x.context, i, focus))
	}
	type traced struct {
		name   string
		values fhirpath.Collection
	}
	var traces []traced
	here := *env
	here.Trace = func(name string, values fhirpath.Collection) {
		traces = append(traces, traced{name, append(fhirpath.Collection(nil), values...)})
	}
	values, err := compiled.Evaluate(x.ctx, &here, fhirpath.Collection{focus})
	if err != nil {
		return errEvaluation("expression", err)
	}
	for _, v := range values {
		a.value(out, v)
	}
	for _, t := range traces {
		part := a.part(out, "trace")
		a.text(part, "valueString", t.name)
		for _, v := range t.values {
			a.value(part, v)
		}
	}
	return a.err
}

func contextName(expression string, i int, focus fhirpath.Value) string {
	if n, ok := focus.Node(); ok {
		return n.Path()
	}
	return expression + "[" + strconv.Itoa(i) + "]"
}
