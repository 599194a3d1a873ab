package fhirpath

import (
	"fmt"
	"maps"
	"slices"

	"github.com/inglehealth/ingle/spec/fault"
)

// function is one of the language's functions.
type function struct {
	name     string
	min, max int // number of arguments; max -1 for any
	// each says that the arguments see each item of the input as $this.
	each bool
	// typed says that the argument is the name of a type.
	typed bool
	eval  func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error)
	// test replaces eval for functions that give a boolean.
	test func(e *evaluation, s *scope, c *callOp, in []Value) (truth, error)
	// prepare may check or precompute when the call is compiled.
	prepare func(c *callOp) error
}

// functions are filled by the files that hold them.
var functions = map[string]*function{}

func register(list ...function) {
	for _, f := range list {
		functions[f.name] = &f
	}
}

// callOp is a call of a function.
type callOp struct {
	fn    *function
	input op // nil for the focus
	args  []op
	at    *Syntax
	// data is what prepare computed.
	data any
}

func compileCall(s *Syntax) (op, error) {
	if o, ok, err := compileService(s); ok || err != nil {
		return o, err
	}
	f := functions[s.Text]
	if f == nil {
		return nil, s.semanticError("there is no function " + s.Text + "()" + similar(s.Text))
	}
	if n := len(s.Args); n < f.min || f.max >= 0 && n > f.max {
		return nil, s.semanticError(fmt.Sprintf("%s() takes %s, not %d", s.Text, f.arity(), n))
	}
	c := &callOp{fn: f, at: s}
	var err error
	if s.Input != nil {
		if c.input, err = compile(s.Input); err != nil {
			return nil, err
		}
	}
	if !f.typed {
		for _, a := range s.Args {
			o, err := compile(a)
			if err != nil {
				return nil, err
			}
			c.args = append(c.args, o)
		}
	}
	if f.prepare != nil {
		if err := f.prepare(c); err != nil {
			return nil, err
		}
	}
	switch {
	case f.name == "is" || f.name == "as":
		return newTypeOp(s, c.input, c.data.(typeSpec)), nil
	case f.name == "children" && c.input == nil:
		return &childrenOp{*c}, nil
	}
	if in, ok := c.input.(counter); ok && len(c.args) == 0 {
		switch f.name {
		case "count":
			return &sizeOp{*c, in}, nil
		case "exists", "empty":
			return &hasAnyOp{testOp{*c}, in, f.name == "exists"}, nil
		}
	}
	if f.test != nil {
		return &testOp{*c}, nil
	}
	return c, nil
}

func (f *function) arity() string {
	switch {
	case f.max == 0:
		return "no argument"
	case f.max < 0:
		return fmt.Sprintf("at least %d arguments", f.min)
	case f.min == f.max && f.min == 1:
		return "one argument"
	case f.min == f.max:
		return fmt.Sprintf("%d arguments", f.min)
	}
	return fmt.Sprintf("%d to %d arguments", f.min, f.max)
}

// similar suggests the function that was probably meant.
func similar(name string) string {
	if near := fault.Nearest(name, slices.Sorted(maps.Keys(functions))); near != "" {
		return "; did you mean " + near + "()?"
	}
	return ""
}

// receive evaluates the input of the call; the caller gives it back with
// done.
func (c *callOp) receive(e *evaluation, s *scope) ([]Value, error) {
	if err := e.step(1); err != nil {
		return nil, err
	}
	if c.input == nil {
		return s.focus, nil
	}
	return c.input.eval(e, s, e.buffer())
}

func (c *callOp) done(e *evaluation, in []Value) {
	if c.input != nil {
		e.release(in)
	}
}

func (c *callOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	in, err := c.receive(e, s)
	if err != nil {
		return nil, err
	}
	dst, err = c.fn.eval(e, s, c, in, dst)
	if err != nil {
		return nil, err
	}
	c.done(e, in)
	return dst, e.room(dst)
}

// testOp is a call of a function that gives a boolean.
type testOp struct{ callOp }

func (o *testOp) truth(e *evaluation, s *scope) (truth, error) {
	in, err := o.receive(e, s)
	if err != nil {
		return unknown, err
	}
	t, err := o.fn.test(e, s, &o.callOp, in)
	if err != nil {
		return unknown, err
	}
	o.done(e, in)
	return t, nil
}

func (o *testOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	t, err := o.truth(e, s)
	if err != nil {
		return nil, err
	}
	return t.appendTo(dst), nil
}

// forEach runs visit with each item of in as the focus, until it returns
// false.
func (e *evaluation) forEach(s *scope, in []Value, visit func(inner *scope, item Value) (bool, error)) error {
	inner := e.scope(nil, s)
	for i, v := range in {
		inner.one[0] = v
		inner.focus = inner.one[:]
		inner.index = i
		inner.vars = s.vars
		more, err := visit(inner, v)
		if err != nil {
			return err
		}
		if err := e.step(1); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	e.drop(inner)
	return nil
}
