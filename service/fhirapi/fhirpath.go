package fhirapi

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// fhirpath performs $fhirpath as the FHIRPath Lab's server API describes it:
// parameters expression, context, resource and variables; the answer repeats
// them under "parameters" and has one "result" for each context.
//
// resource is a resource, an extension that holds one as text, or a relative
// reference to a stored one; at instance level it is the instance. A body that
// is no Parameters is the resource, and the other parameters stand in the URL.
func (c *call) fhirpath(ctx context.Context, in *invocation) ([]byte, error) {
	p, sent, err := c.parametersOrResource(in)
	if err != nil {
		return nil, err
	}
	if err := p.only("fhirpath", "expression", "context", "resource", "variables", "validate", "terminologyserver"); err != nil {
		return nil, err
	}
	req := records.EvaluateRequest{Expression: p.text("expression"), Context: p.text("context"), Variables: variables(p.node("variables"))}
	if req.Validate, err = p.boolean("validate"); err != nil {
		return nil, err
	}
	if req.Expression == "" {
		return nil, errParameter(p.root, "$fhirpath needs the parameter expression, for example Patient.name.given.")
	}
	if req.Content = sent; sent == nil {
		if err := subject(in, p, &req); err != nil {
			return nil, err
		}
	}
	result, err := c.session.Evaluate(ctx, req)
	if err != nil {
		return nil, err
	}
	return c.answerFHIRPath(ctx, req, p, result)
}

// subject says what is to be evaluated over.
func subject(in *invocation, p parameters, req *records.EvaluateRequest) error {
	n := p.node("resource")
	if n.IsZero() && p.text("resource") == "" {
		if in.ID == "" {
			return errParameter(p.root, "$fhirpath needs the parameter resource: a resource, or a reference to a stored one like Patient/123.")
		}
		req.Key = in.key()
		return nil
	}
	release := definitions.Release("")
	if in.content != nil {
		release = in.content.Release
	}
	if r := n.Child("resource"); !r.IsZero() {
		req.Content = &records.Content{JSON: r.AppendJSON(nil), Release: release}
		return nil
	}
	for e := range n.All("extension") {
		text := []byte(e.Child("value").Text())
		switch e.Child("url").Text() {
		case jsonValue:
			req.Content = &records.Content{JSON: text, Release: release}
			return nil
		case xmlValue:
			req.Content = &records.Content{XML: text, Release: release}
			return nil
		}
	}
	reference := p.text("resource")
	if reference == "" {
		reference = n.Child("value").Child("reference").Text()
	}
	typeName, id, _ := strings.Cut(reference, "/")
	req.Key = fhir.Key{Type: fhir.Type(typeName), ID: fhir.ID(id)}
	if typeName == "" || !req.Key.ID.Valid() {
		return errParameter(n, "The parameter resource must hold a resource, or a reference to a stored one like Patient/123.")
	}
	return nil
}

// variables are the user's: parts with a name and a value, several of one
// name being a collection.
func variables(n fhir.Node) map[string]fhirpath.Collection {
	if n.IsZero() {
		return nil
	}
	vars := map[string]fhirpath.Collection{}
	for part := range n.All("part") {
		name := part.Child("name").Text()
		value := part.Child("value")
		if value.IsZero() {
			value = part.Child("resource")
		}
		if value.IsZero() { // a variable that is empty
			vars[name] = append(fhirpath.Collection{}, vars[name]...)
			continue
		}
		vars[name] = append(vars[name], fhirpath.NodeValue(value))
	}
	return vars
}

// answerFHIRPath renders the result.
func (c *call) answerFHIRPath(ctx context.Context, req records.EvaluateRequest, p parameters, result *records.EvaluateResult) ([]byte, error) {
	d := c.definitions(c.format.release)
	if result.Resource != nil {
		d = result.Resource.Definitions()
	}
	a, err := newAnswer(d)
	if err != nil {
		return nil, err
	}
	asked := a.parameter("parameters")
	a.text(a.part(asked, "evaluator"), "valueString", "Ingle "+c.api.config.Version+" ("+string(d.Release)+")")
	syntax, err := json.Marshal(result.Expression.Syntax())
	if err != nil {
		return nil, err
	}
	a.text(a.part(asked, "parseDebugTree"), "valueString", string(syntax))
	if req.Context != "" {
		a.text(a.part(asked, "context"), "valueString", req.Context)
	}
	a.text(a.part(asked, "expression"), "valueString", req.Expression)
	if result.Resource != nil {
		a.graft(a.part(asked, "resource"), "resource", result.Resource.Root())
	}
	if n := p.node("variables"); !n.IsZero() {
		a.graft(asked, "part", n)
	}
	for i, e := range result.Evaluations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out := a.parameter("result")
		if req.Context != "" {
			a.text(out, "valueString", focusName(req.Context, i, e))
		}
		for _, v := range e.Result {
			a.value(out, v)
		}
		for _, t := range e.Traces {
			part := a.part(out, "trace")
			a.text(part, "valueString", t.Name)
			for _, v := range t.Values {
				a.value(part, v)
			}
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return a.root.AppendJSON(nil), nil
}

func focusName(expression string, i int, e records.Evaluation) string {
	if e.Focus != "" {
		return e.Focus
	}
	return expression + "[" + strconv.Itoa(i) + "]"
}
