package fhirpath

import (
	"strconv"

	"github.com/inglehealth/ingle/spec/fhir"
)

// FHIRPath §5.8 Tree navigation, §5.9 Utility functions.
func init() {
	register(
		function{name: "children", eval: func(e *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			before := len(dst)
			for _, v := range in {
				if v.kind == KindNode {
					for c := v.node.FirstChild(); !c.IsZero(); c = c.NextSibling() {
						dst = append(dst, NodeValue(c))
					}
				}
			}
			return dst, e.step(len(dst) - before)
		}},
		function{name: "descendants", eval: func(e *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			before := len(dst)
			for _, v := range in {
				if v.kind != KindNode {
					continue
				}
				for c := range v.node.Descendants() {
					dst = append(dst, NodeValue(c))
				}
				if err := e.room(dst); err != nil {
					return nil, err
				}
			}
			return dst, e.step(len(dst) - before)
		}},
		function{name: "trace", min: 1, max: 2, each: true, eval: trace},
		function{name: "now", eval: clock(func(t Temporal) Temporal { return t })},
		function{name: "today", eval: clock(func(t Temporal) Temporal { return t.dateOf() })},
		function{name: "timeOfDay", eval: clock(func(t Temporal) Temporal { return t.timeOf() })},
		function{name: "pathname", max: 1, eval: pathnames},
		function{name: "defineVariable", min: 1, max: 2, eval: defineVariable},
	)
}

func clock(part func(Temporal) Temporal) func(*evaluation, *scope, *callOp, []Value, []Value) ([]Value, error) {
	return func(e *evaluation, _ *scope, c *callOp, _, dst []Value) ([]Value, error) {
		if e.env.Now.IsZero() {
			return nil, e.failed(c.at, "%s has no meaning here: this evaluation has no clock", title(c.at))
		}
		return append(dst, temporalValue(part(temporalAt(e.env.Now)))), nil
	}
}

func trace(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	label, _, err := e.text(s, c.args[0], c.at)
	if err != nil {
		return nil, err
	}
	if e.env.Trace != nil {
		if len(c.args) == 2 {
			shown := e.buffer()
			err := e.forEach(s, in, func(inner *scope, _ Value) (bool, error) {
				var err error
				shown, err = e.inner(inner, c.args[1], shown)
				return true, err
			})
			if err != nil {
				return nil, err
			}
			e.env.Trace(label, shown)
			e.release(shown)
		} else {
			e.env.Trace(label, in)
		}
	}
	return append(dst, in...), nil
}

// defineVariable adds a variable for what follows in the same chain of
// functions.
func defineVariable(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	name, ok, err := e.text(s, c.args[0], c.at)
	if err != nil {
		return nil, err
	}
	if !ok || name == "" {
		return nil, e.failed(c.at, "defineVariable() needs a name")
	}
	if _, taken := systemVariable(name); taken {
		return nil, c.at.semanticError("%" + name + " is a variable of FHIRPath itself and cannot be defined")
	}
	if _, taken := e.env.Variables[name]; taken || lookup(s.vars, name) != nil {
		return nil, c.at.semanticError("%" + name + " is already defined")
	}
	var value []Value
	if len(c.args) == 2 {
		inner := e.scope(in, s)
		if value, err = e.inner(inner, c.args[1], nil); err != nil {
			return nil, err
		}
		e.drop(inner)
	} else {
		value = append([]Value(nil), in...)
	}
	s.vars = &variable{name, value, s.vars}
	return append(dst, in...), nil
}

func lookup(vars *variable, name string) *variable {
	for v := vars; v != nil; v = v.next {
		if v.name == name {
			return v
		}
	}
	return nil
}

// pathnames gives the path of each element in the tree of %rootResource, with
// an index at every step; with true as argument only where it is needed.
func pathnames(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	short := unknown
	if len(c.args) == 1 {
		var err error
		if short, err = e.truth(s, c.args[0], c.at); err != nil {
			return nil, err
		}
	}
	tree := e.rootResource().Tree()
	for _, v := range in {
		if err := e.step(placed(v)); err != nil {
			return nil, err
		}
		switch {
		case v.kind != KindNode || v.node.Tree() != tree:
		case short == isTrue:
			dst = append(dst, String(v.node.Path()))
		default:
			dst = append(dst, String(fullPath(v.node)))
		}
	}
	return dst, nil
}

// placed is how many steps it takes to find the place of v in its tree.
func placed(v Value) int {
	n := 4
	for node := v.node; !node.IsZero(); node = node.Parent() {
		n += max(node.Index(), 0) >> 6
	}
	return n
}

func fullPath(n fhir.Node) string {
	parent := n.Parent()
	if parent.IsZero() {
		return n.Name()
	}
	return fullPath(parent) + "." + n.Name() + "[" + strconv.Itoa(max(n.Index(), 0)) + "]"
}
