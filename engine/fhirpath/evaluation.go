package fhirpath

import (
	"context"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// op is a compiled part of an expression. eval appends its result to dst,
// which it must not read or change below its length.
type op interface {
	eval(e *evaluation, s *scope, dst []Value) ([]Value, error)
}

// evaluation is the state of one Evaluate. It keeps buffers for reuse, so
// that evaluating in a loop does not allocate.
type evaluation struct {
	ctx     context.Context
	env     *Env
	input   []Value
	steps   int
	written int // bytes of the strings computed so far
	limits  Limits

	buffers [][]Value
	scopes  []*scope
}

// scope is what an expression sees: the focus, which is also $this, and the
// variables of iteration.
type scope struct {
	focus []Value
	index int // $index, -1 outside of an iteration
	total []Value
	vars  *variable
	one   [1]Value // room for a focus of one item
}

// variable is one defined by defineVariable; they form a list, the newest
// first.
type variable struct {
	name  string
	value Collection
	next  *variable
}

var emptyEnv = new(Env)

func begin(ctx context.Context, env *Env, input []Value) *evaluation {
	e := evaluations.Get().(*evaluation)
	if env == nil {
		env = emptyEnv
	}
	e.ctx, e.env, e.input, e.steps, e.written, e.limits = ctx, env, input, 0, 0, env.Limits
	if e.limits.Steps == 0 {
		e.limits.Steps = 10_000_000
	}
	if e.limits.Items == 0 {
		e.limits.Items = 1_000_000
	}
	if e.limits.Text == 0 {
		e.limits.Text = 16 << 20
	}
	if e.limits.Texts == 0 {
		e.limits.Texts = 64 << 20
	}
	if env.Used != nil {
		e.steps, e.written = env.Used.steps, env.Used.written
	}
	return e
}

func (e *evaluation) end() {
	if e.env.Used != nil {
		e.env.Used.steps, e.env.Used.written = e.steps, e.written
	}
	e.ctx, e.env, e.input = nil, nil, nil
	evaluations.Put(e)
}

// step counts n operations against the budget and looks at the context now
// and then.
func (e *evaluation) step(n int) error {
	before := e.steps
	e.steps += n
	if before>>10 != e.steps>>10 || before == 0 {
		if e.steps > e.limits.Steps {
			return &LimitError{Limit: "steps", Max: e.limits.Steps}
		}
		return e.ctx.Err()
	}
	return nil
}

// room refuses collections that grew over the limit.
func (e *evaluation) room(c []Value) error {
	if len(c) > e.limits.Items {
		return &LimitError{Limit: "items", Max: e.limits.Items}
	}
	return nil
}

// buffer lends an empty slice; release takes it back, grown or not.
func (e *evaluation) buffer() []Value {
	if n := len(e.buffers); n > 0 {
		b := e.buffers[n-1]
		e.buffers = e.buffers[:n-1]
		return b
	}
	return make([]Value, 0, 16)
}

func (e *evaluation) release(b []Value) {
	const keep = 4096
	if cap(b) <= keep {
		e.buffers = append(e.buffers, b[:0])
	}
}

// scope lends a scope with the given focus; vars come from the scope around
// it, which may be nil.
func (e *evaluation) scope(focus []Value, outer *scope) *scope {
	var s *scope
	if n := len(e.scopes); n > 0 {
		s = e.scopes[n-1]
		e.scopes = e.scopes[:n-1]
	} else {
		s = new(scope)
	}
	s.focus, s.index, s.total, s.vars = focus, -1, nil, nil
	if outer != nil {
		s.index, s.total, s.vars = outer.index, outer.total, outer.vars
	}
	return s
}

// scopeOf is scope with a focus of one item, or of none for no value.
func (e *evaluation) scopeOf(v Value, outer *scope) *scope {
	s := e.scope(nil, outer)
	if v.kind == KindNone {
		return s
	}
	s.one[0] = v
	s.focus = s.one[:]
	return s
}

func (e *evaluation) drop(s *scope) {
	s.focus, s.total, s.vars = nil, nil, nil
	e.scopes = append(e.scopes, s)
}

// inner evaluates o in s and forgets the variables that it defined: those
// live only along the chain of functions they were defined in.
func (e *evaluation) inner(s *scope, o op, dst []Value) ([]Value, error) {
	vars := s.vars
	dst, err := o.eval(e, s, dst)
	s.vars = vars
	return dst, err
}

// definitions returns the tables that type names are looked up in, or nil.
func (e *evaluation) definitions() *definitions.Definitions {
	if e.env.Definitions != nil {
		return e.env.Definitions
	}
	for _, v := range e.input {
		if v.kind == KindNode {
			return v.node.Tree().Definitions()
		}
	}
	return nil
}

// resource returns %resource.
func (e *evaluation) resource() fhir.Node {
	if !e.env.Resource.IsZero() {
		return e.env.Resource
	}
	for _, v := range e.input {
		if v.kind == KindNode {
			return resourceOf(v.node)
		}
	}
	return fhir.Node{}
}

// rootResource returns %rootResource: the container of a contained resource,
// else the resource.
func (e *evaluation) rootResource() fhir.Node {
	if !e.env.RootResource.IsZero() {
		return e.env.RootResource
	}
	return containerOf(e.resource())
}

// resourceOf is the nearest resource that n is or is in.
func resourceOf(n fhir.Node) fhir.Node {
	for !n.IsZero() && !n.IsResource() {
		n = n.Parent()
	}
	return n
}

// containerOf is the resource that a contained resource is in; any other is
// its own container.
func containerOf(n fhir.Node) fhir.Node {
	for n.Name() == "contained" && !n.Parent().IsZero() {
		n = resourceOf(n.Parent())
	}
	return n
}
