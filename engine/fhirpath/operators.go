package fhirpath

// binaryOp is an operator that takes both operands as they are.
type binaryOp struct {
	left, right op
	at          *Syntax
	apply       func(e *evaluation, at *Syntax, a, b []Value, dst []Value) ([]Value, error)
}

func compileBinary(s *Syntax) (op, error) {
	left, err := compile(s.Args[0])
	if err != nil {
		return nil, err
	}
	right, err := compile(s.Args[1])
	if err != nil {
		return nil, err
	}
	switch s.Text {
	case "and", "or", "xor", "implies":
		return &logicOp{left, right, s}, nil
	case "=", "!=":
		negate := s.Text == "!="
		if l, ok := right.(literalOp); ok && l.v.kind == KindString {
			return &codeOp{left, l.v.data.(string), negate, s}, nil
		}
		if l, ok := left.(literalOp); ok && l.v.kind == KindString {
			return &codeOp{right, l.v.data.(string), negate, s}, nil
		}
		return &compareOp{left, right, s, func(e *evaluation, _ *Syntax, a, b []Value) (truth, error) {
			if err := e.weighed(a, b); err != nil {
				return unknown, err
			}
			t := equalAll(a, b)
			if negate {
				t = t.not()
			}
			return t, nil
		}}, nil
	case "~", "!~":
		negate := s.Text == "!~"
		return &compareOp{left, right, s, func(e *evaluation, _ *Syntax, a, b []Value) (truth, error) {
			// It compares everything with everything.
			if err := e.step(weight(a) * weight(b)); err != nil {
				return unknown, err
			}
			return truthOf(equivalentAll(a, b) != negate), nil
		}}, nil
	case "<", "<=", ">", ">=":
		return &compareOp{left, right, s, inequality}, nil
	case "in":
		return &compareOp{left, right, s, membership}, nil
	case "contains":
		return &compareOp{right, left, s, membership}, nil
	case "|":
		return newUnion(left, right), nil
	}
	return &binaryOp{left, right, s, arithmetic[s.Text]}, nil
}

func (o *binaryOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	a, b, err := e.both(s, o.left, o.right)
	if err != nil {
		return nil, err
	}
	dst, err = o.apply(e, o.at, a, b, dst)
	e.release(a)
	e.release(b)
	return dst, err
}

// both evaluates two operands; the caller releases them.
func (e *evaluation) both(s *scope, left, right op) (a, b []Value, err error) {
	if err = e.step(1); err != nil {
		return nil, nil, err
	}
	if a, err = e.inner(s, left, e.buffer()); err != nil {
		return nil, nil, err
	}
	b, err = e.inner(s, right, e.buffer())
	return a, b, err
}

// compareOp is an operator that gives a truth.
type compareOp struct {
	left, right op
	at          *Syntax
	apply       func(e *evaluation, at *Syntax, a, b []Value) (truth, error)
}

func (o *compareOp) truth(e *evaluation, s *scope) (truth, error) {
	a, b, err := e.both(s, o.left, o.right)
	if err != nil {
		return unknown, err
	}
	t, err := o.apply(e, o.at, a, b)
	e.release(a)
	e.release(b)
	return t, err
}

func (o *compareOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	t, err := o.truth(e, s)
	return t.appendTo(dst), err
}

// codeOp is x = 'literal', the commonest comparison.
type codeOp struct {
	operand op
	text    string
	negate  bool
	at      *Syntax
}

func (o *codeOp) truth(e *evaluation, s *scope) (truth, error) {
	if err := e.step(1); err != nil {
		return unknown, err
	}
	c, err := e.inner(s, o.operand, e.buffer())
	if err != nil {
		return unknown, err
	}
	t := unknown
	switch len(c) {
	case 0:
	case 1:
		if text, ok := c[0].Text(); ok {
			t = truthOf(text == o.text)
		} else {
			t = equal(c[0], String(o.text))
		}
	default:
		t = isFalse
	}
	e.release(c)
	if o.negate {
		t = t.not()
	}
	return t, nil
}

func (o *codeOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	t, err := o.truth(e, s)
	return t.appendTo(dst), err
}

// logicOp is and, or, xor, implies in three-valued logic. The right operand
// is not evaluated when the left one decides. FHIRPath §6.5.
type logicOp struct {
	left, right op
	at          *Syntax
}

func (o *logicOp) truth(e *evaluation, s *scope) (truth, error) {
	a, err := e.truth(s, o.left, o.at)
	if err != nil {
		return unknown, err
	}
	switch {
	case o.at.Text == "and" && a == isFalse:
		return isFalse, nil
	case o.at.Text == "or" && a == isTrue, o.at.Text == "implies" && a == isFalse:
		return isTrue, nil
	case o.at.Text == "xor" && a == unknown:
		return unknown, nil
	}
	b, err := e.truth(s, o.right, o.at)
	if err != nil {
		return unknown, err
	}
	switch o.at.Text {
	case "and":
		if b == isFalse || a == isTrue {
			return b, nil
		}
	case "or":
		if b == isTrue || a == isFalse {
			return b, nil
		}
	case "implies":
		if b == isTrue || a == isTrue {
			return b, nil
		}
	case "xor":
		if b != unknown {
			return truthOf(a != b), nil
		}
	}
	return unknown, nil
}

func (o *logicOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	t, err := o.truth(e, s)
	return t.appendTo(dst), err
}

// membership is a in b. FHIRPath §6.4.
func membership(e *evaluation, at *Syntax, a, b []Value) (truth, error) {
	v, ok, err := e.one(a, at)
	if err != nil || !ok {
		return unknown, err
	}
	if err := e.weighed(a, b); err != nil {
		return unknown, err
	}
	return truthOf(contains(b, v)), nil
}

// inequality is < <= > >=. FHIRPath §6.2.
func inequality(e *evaluation, at *Syntax, a, b []Value) (truth, error) {
	va, aok, err := e.one(a, at)
	if err != nil {
		return unknown, err
	}
	vb, bok, err := e.one(b, at)
	if err != nil || !aok || !bok {
		return unknown, err
	}
	if err := e.weighed(a, b); err != nil {
		return unknown, err
	}
	va, vb = va.quantity(), vb.quantity()
	if valueless(va) || valueless(vb) || indeterminate(va) || indeterminate(vb) {
		return unknown, nil
	}
	order, known, ok := compare(va, vb)
	if !ok {
		return unknown, e.failed(at, "%s cannot be compared with %s", describe(va), describe(vb))
	}
	if !known {
		return unknown, nil
	}
	switch at.Text {
	case "<":
		return truthOf(order < 0), nil
	case "<=":
		return truthOf(order <= 0), nil
	case ">":
		return truthOf(order > 0), nil
	}
	return truthOf(order >= 0), nil
}

// valueless says whether v is a primitive element that has extensions only.
func valueless(v Value) bool {
	return v.kind == KindNode && primitiveKind(v.node.Type()) != KindNone && !v.node.HasValue()
}

// indeterminate says whether v is a Quantity element that has no single
// value, because of a comparator or for want of a value.
func indeterminate(v Value) bool { return v.kind == KindNode && v.node.Type().Is("Quantity") }

// compare orders two System values. known is false when precision or units
// leave the order open, ok when the types have no order between them.
func compare(a, b Value) (order int, known, ok bool) {
	switch {
	case a.kind == KindString && b.kind == KindString:
		x, y := a.data.(string), b.data.(string)
		switch {
		case x < y:
			return -1, true, true
		case x > y:
			return 1, true, true
		}
		return 0, true, true
	case isNumber(a.kind) && isNumber(b.kind):
		if a.kind != KindDecimal && b.kind != KindDecimal {
			switch {
			case a.num < b.num:
				return -1, true, true
			case a.num > b.num:
				return 1, true, true
			}
			return 0, true, true
		}
		x, _ := a.decimal()
		y, _ := b.decimal()
		return x.Cmp(y), true, true
	case isTemporal(a.kind) && isTemporal(b.kind) && (a.kind == KindTime) == (b.kind == KindTime):
		order, known = compareTemporal(a.data.(*Temporal), b.data.(*Temporal))
		return order, known, true
	case a.kind == KindQuantity || b.kind == KindQuantity:
		x, xok := asQuantity(a)
		y, yok := asQuantity(b)
		if !xok || !yok {
			return 0, false, false
		}
		order, known = compareQuantity(x, y, false)
		return order, known, true
	}
	return 0, false, false
}
