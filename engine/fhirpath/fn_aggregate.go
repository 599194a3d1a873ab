package fhirpath

import "github.com/cockroachdb/apd/v3"

// FHIRPath §7 Aggregates.
func init() {
	register(
		function{name: "aggregate", min: 1, max: 2, each: true, eval: aggregate},
		function{name: "sum", max: 1, each: true, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			return e.fold(s, c, in, dst, plusSyntax)
		}},
		function{name: "avg", max: 1, each: true, eval: average},
		function{name: "min", max: 1, each: true, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			return e.extreme(s, c, in, dst, -1)
		}},
		function{name: "max", max: 1, each: true, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			return e.extreme(s, c, in, dst, 1)
		}},
	)
}

var plusSyntax = &Syntax{Kind: SyntaxBinary, Text: "+", Line: 1, Column: 1}

func aggregate(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	var total []Value
	if len(c.args) == 2 {
		var err error
		if total, err = e.inner(s, c.args[1], nil); err != nil {
			return nil, err
		}
	}
	err := e.forEach(s, in, func(inner *scope, _ Value) (bool, error) {
		inner.total = total
		next, err := e.inner(inner, c.args[0], nil)
		total = next
		return true, err
	})
	return append(dst, total...), err
}

// keys are the items to fold: the input, or its projection by the argument.
func (e *evaluation) keys(s *scope, c *callOp, in []Value) ([]Value, error) {
	if len(c.args) == 0 {
		return append(e.buffer(), in...), nil
	}
	return project(e, s, c, in, e.buffer())
}

// fold adds the items up.
func (e *evaluation) fold(s *scope, c *callOp, in, dst []Value, plus *Syntax) ([]Value, error) {
	items, err := e.keys(s, c, in)
	if err != nil || len(items) == 0 {
		return dst, err
	}
	total := items[0].quantity()
	if !isNumber(total.kind) && total.kind != KindQuantity && total.kind != KindString {
		return nil, e.failed(c.at, "%s cannot add %s", title(c.at), describe(total))
	}
	for _, v := range items[1:] {
		r, err := calculate(e, plus, []Value{total}, []Value{v}, nil)
		if err != nil {
			return nil, e.failed(c.at, "%s cannot add %s to %s", title(c.at), describe(v), describe(total))
		}
		if len(r) == 0 {
			return dst, nil
		}
		total = r[0]
	}
	e.release(items)
	return append(dst, total), e.step(len(items))
}

func average(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	items, err := e.keys(s, c, in)
	if err != nil || len(items) == 0 {
		return dst, err
	}
	count := Decimal(apd.New(int64(len(items)), 0))
	e.release(items)
	before := len(dst)
	dst, err = e.fold(s, c, in, dst, plusSyntax)
	if err != nil || len(dst) == before {
		return dst, err
	}
	over := &Syntax{Kind: SyntaxBinary, Text: "/", Line: c.at.Line, Column: c.at.Column}
	return calculate(e, over, []Value{dst[before]}, []Value{count}, dst[:before])
}

// extreme gives the least item (sign -1) or the greatest; empty when the
// order of two items is open.
func (e *evaluation) extreme(s *scope, c *callOp, in, dst []Value, sign int) ([]Value, error) {
	items, err := e.keys(s, c, in)
	if err != nil || len(items) == 0 {
		return dst, err
	}
	best := items[0]
	for _, v := range items[1:] {
		order, known, ok := compare(v.quantity(), best.quantity())
		if !ok {
			return nil, e.failed(c.at, "%s cannot compare %s with %s", title(c.at), describe(v), describe(best))
		}
		if !known {
			return dst, nil
		}
		if order*sign > 0 {
			best = v
		}
	}
	e.release(items)
	return append(dst, best), e.step(len(items))
}
