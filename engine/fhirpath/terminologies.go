package fhirpath

import "slices"

// terminologyOp is a function of %terminologies. R5 §2.1.9.1.5.
type terminologyOp struct {
	at   *Syntax
	args []op
}

// terminologyArity is the number of arguments, the optional params last.
var terminologyArity = map[string][2]int{
	"expand": {1, 2}, "lookup": {1, 2}, "validateVS": {2, 3}, "validateCS": {2, 3}, "subsumes": {3, 4}, "translate": {2, 3},
}

// compileService compiles %terminologies.f(...) and %factory.f(...); ok is
// false for any other call.
func compileService(s *Syntax) (o op, ok bool, err error) {
	if s.Input == nil || s.Input.Kind != SyntaxVariable || !slices.Contains([]string{"terminologies", "factory"}, s.Input.Text) {
		return nil, false, nil
	}
	args := make([]op, len(s.Args))
	for i, a := range s.Args {
		if args[i], err = compile(a); err != nil {
			return nil, true, err
		}
	}
	if s.Input.Text == "factory" {
		return &factoryOp{s, args}, true, nil
	}
	arity, found := terminologyArity[s.Text]
	if !found {
		return nil, true, s.semanticError("%terminologies has no function " + s.Text + "()")
	}
	if len(args) < arity[0] || len(args) > arity[1] {
		return nil, true, s.semanticError("%terminologies." + s.Text + "() has a wrong number of arguments")
	}
	return &terminologyOp{s, args}, true, nil
}

func (o *terminologyOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	if e.env.Terminology == nil {
		return nil, e.failed(o.at, "%%terminologies has no meaning here: this evaluation has no terminology")
	}
	values := make([]Value, len(o.args))
	for i, a := range o.args {
		v, ok, err := e.single(s, a, o.at)
		if err != nil || !ok {
			return dst, err
		}
		values[i] = v
	}
	if err := e.step(asking); err != nil {
		return nil, err
	}
	if o.at.Text == "subsumes" {
		return o.subsumes(e, values, dst)
	}
	call := TerminologyCall{Name: o.at.Text}
	rest := values[1:]
	if o.at.Text == "lookup" {
		call.Concepts, _ = concepts(values[0])
	} else {
		if n, ok := values[0].Node(); ok && n.IsResource() {
			call.Resource, call.URL = n, n.Child("url").Text()
		} else {
			url, ok, err := e.asText(values[0], o.at)
			if err != nil || !ok {
				return dst, err
			}
			call.URL = url
		}
		if o.at.Text != "expand" {
			call.Concepts, _ = concepts(values[1])
			rest = values[2:]
		}
	}
	if len(rest) == 1 {
		call.Params, _, _ = e.asText(rest[0], o.at)
	}
	n, err := e.env.Terminology.Operation(e.ctx, call)
	if err != nil || n.IsZero() {
		return dst, err
	}
	return append(dst, NodeValue(n)), nil
}

func (o *terminologyOp) subsumes(e *evaluation, values, dst []Value) ([]Value, error) {
	system, ok, err := e.asText(values[0], o.at)
	if err != nil || !ok {
		return dst, err
	}
	a, _ := concepts(values[1])
	b, _ := concepts(values[2])
	if len(a) != 1 || len(b) != 1 {
		return dst, nil
	}
	relation, err := e.env.Terminology.Subsumes(e.ctx, system, a[0].Code, b[0].Code)
	if err != nil || relation == "" {
		return dst, err
	}
	return append(dst, String(relation)), nil
}
