package fhirpath

import (
	"fmt"
)

// truth is three-valued logic; the zero value is FHIRPath's empty.
type truth uint8

const (
	unknown truth = iota
	isFalse
	isTrue
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

func (t truth) not() truth {
	switch t {
	case isTrue:
		return isFalse
	case isFalse:
		return isTrue
	}
	return unknown
}

// appendTo adds the truth as a collection.
func (t truth) appendTo(dst []Value) []Value {
	if t == unknown {
		return dst
	}
	return append(dst, Boolean(t == isTrue))
}

// truthOp is an op that knows its result as a truth, without a collection.
type truthOp interface {
	op
	truth(e *evaluation, s *scope) (truth, error)
}

// failed makes the error of an evaluation at a node of the tree.
func (e *evaluation) failed(at *Syntax, format string, args ...any) error {
	return &EvaluationError{Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)}
}

// describe names a value in an error message.
func describe(v Value) string {
	if text, ok := v.text(); ok && len(text) < 40 && v.kind != KindString {
		return v.TypeName() + " " + text
	}
	if v.kind == KindNode {
		return "the " + v.TypeName() + " at " + v.node.Path()
	}
	return "a " + v.TypeName()
}

// truth evaluates o as a boolean by singleton evaluation: one item that is no
// boolean counts as true. FHIRPath §4.5.
func (e *evaluation) truth(s *scope, o op, at *Syntax) (truth, error) {
	vars := s.vars
	if t, ok := o.(truthOp); ok {
		r, err := t.truth(e, s)
		s.vars = vars
		return r, err
	}
	c, err := o.eval(e, s, e.buffer())
	s.vars = vars
	if err != nil {
		return unknown, err
	}
	t, err := e.truthOfAll(c, at)
	e.release(c)
	return t, err
}

func (e *evaluation) truthOfAll(c []Value, at *Syntax) (truth, error) {
	switch len(c) {
	case 0:
		return unknown, nil
	case 1:
		if b, ok := c[0].Truth(); ok {
			return truthOf(b), nil
		}
		return isTrue, nil
	}
	return unknown, e.failed(at, "a boolean is needed, not a collection of %d items", len(c))
}

// single evaluates o to at most one value, primitives not converted.
func (e *evaluation) single(s *scope, o op, at *Syntax) (Value, bool, error) {
	if l, ok := o.(literalOp); ok {
		return l.v, true, nil
	}
	c, err := e.inner(s, o, e.buffer())
	if err != nil {
		return Value{}, false, err
	}
	var v Value
	n := len(c)
	if n > 0 {
		v = c[0]
	}
	e.release(c)
	if n > 1 {
		return v, false, e.failed(at, "%s needs a single value, not a collection of %d items", title(at), n)
	}
	return v, n == 1, nil
}

// title names the operation of a node in an error message.
func title(at *Syntax) string {
	switch at.Kind {
	case SyntaxCall:
		return at.Text + "()"
	case SyntaxIndexer:
		return "[ ]"
	}
	return "'" + at.Text + "'"
}

// one returns the single item of c; ok is false for an empty c.
func (e *evaluation) one(c []Value, at *Syntax) (Value, bool, error) {
	switch len(c) {
	case 0:
		return Value{}, false, nil
	case 1:
		return c[0], true, nil
	}
	return Value{}, false, e.failed(at, "%s needs a single value, not a collection of %d items", title(at), len(c))
}

// integer evaluates o to at most one whole number.
func (e *evaluation) integer(s *scope, o op, at *Syntax) (int64, bool, error) {
	v, ok, err := e.single(s, o, at)
	if err != nil || !ok {
		return 0, false, err
	}
	v = v.system()
	if v.kind != KindInteger && v.kind != KindLong {
		return 0, false, e.failed(at, "%s needs an Integer, not %s", title(at), describe(v))
	}
	return v.num, true, nil
}

// text evaluates o to at most one string.
func (e *evaluation) text(s *scope, o op, at *Syntax) (string, bool, error) {
	v, ok, err := e.single(s, o, at)
	if err != nil || !ok {
		return "", false, err
	}
	return e.asText(v, at)
}

// asText returns v as a string, converting primitives of FHIR implicitly. An
// element that has extensions but no value is empty.
func (e *evaluation) asText(v Value, at *Syntax) (string, bool, error) {
	if text, ok := v.Text(); ok {
		return text, true, nil
	}
	if v.kind == KindNode && primitiveKind(v.node.Type()) != KindNone {
		if !v.node.HasValue() {
			return "", false, nil
		}
		// Dates and times are strings in FHIR's own serialisations; the invariants
		// of HL7's profiles use string functions on them.
		switch primitiveKind(v.node.Type()) {
		case KindDate, KindDateTime, KindTime:
			return v.node.Text(), true, nil
		}
	}
	return "", false, e.failed(at, "%s needs a String, not %s", title(at), describe(v))
}

// onText runs a function of one string on the input.
func (e *evaluation) onText(in []Value, at *Syntax) (string, bool, error) {
	v, ok, err := e.one(in, at)
	if err != nil || !ok {
		return "", false, err
	}
	return e.asText(v, at)
}
