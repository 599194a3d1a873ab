package fhirpath

// FHIRPath §5.1 Existence.
func init() {
	register(
		function{name: "empty", test: func(_ *evaluation, _ *scope, _ *callOp, in []Value) (truth, error) {
			return truthOf(len(in) == 0), nil
		}},
		function{name: "exists", max: 1, each: true, test: exists},
		function{name: "all", min: 1, max: 1, each: true, test: all},
		function{name: "allTrue", test: allAre(isTrue, true)},
		function{name: "anyTrue", test: allAre(isTrue, false)},
		function{name: "allFalse", test: allAre(isFalse, true)},
		function{name: "anyFalse", test: allAre(isFalse, false)},
		function{name: "subsetOf", min: 1, max: 1, test: func(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
			return e.subset(s, c, in, false)
		}},
		function{name: "supersetOf", min: 1, max: 1, test: func(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
			return e.subset(s, c, in, true)
		}},
		function{name: "count", eval: func(_ *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			return append(dst, Integer(int32(len(in)))), nil
		}},
		function{name: "distinct", eval: func(e *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			if err := e.weighed(in); err != nil {
				return nil, err
			}
			return union(in, nil, dst), nil
		}},
		function{name: "isDistinct", test: func(e *evaluation, _ *scope, _ *callOp, in []Value) (truth, error) {
			if err := e.weighed(in); err != nil {
				return unknown, err
			}
			d := union(in, nil, e.buffer())
			n := len(d)
			e.release(d)
			return truthOf(n == len(in)), nil
		}},
		function{name: "not", test: func(e *evaluation, _ *scope, c *callOp, in []Value) (truth, error) {
			t, err := e.truthOfAll(in, c.at)
			return t.not(), err
		}},
	)
}

// counter is an op that can count its result without collecting it, up to
// limit; ok is false when it cannot for this focus.
type counter interface {
	count(e *evaluation, s *scope, limit int) (n int, ok bool, err error)
}

// sizeOp is x.count() and, as a truth, x.exists() and x.empty() over an
// input that can be counted.
type sizeOp struct {
	callOp
	input counter
}

const noLimit = 1 << 62

func (o *sizeOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	n, ok, err := o.input.count(e, s, noLimit)
	if err != nil {
		return nil, err
	}
	if !ok {
		return o.callOp.eval(e, s, dst)
	}
	return append(dst, Integer(int32(n))), nil
}

type hasAnyOp struct {
	testOp
	input counter
	want  bool // exists, not empty
}

func (o *hasAnyOp) truth(e *evaluation, s *scope) (truth, error) {
	n, ok, err := o.input.count(e, s, 1)
	if err != nil {
		return unknown, err
	}
	if !ok {
		return o.testOp.truth(e, s)
	}
	return truthOf((n > 0) == o.want), nil
}

func (o *hasAnyOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	t, err := o.truth(e, s)
	if err != nil {
		return nil, err
	}
	return t.appendTo(dst), nil
}

// childrenOp is children() of the focus.
type childrenOp struct{ callOp }

func (o *childrenOp) count(e *evaluation, s *scope, limit int) (int, bool, error) {
	n := 0
	for _, v := range s.focus {
		if v.kind != KindNode {
			continue
		}
		for c := v.node.FirstChild(); !c.IsZero() && n < limit; c = c.NextSibling() {
			n++
		}
	}
	return n, true, e.step(1 + n)
}

func exists(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
	if len(c.args) == 0 {
		return truthOf(len(in) > 0), nil
	}
	result := isFalse
	err := e.forEach(s, in, func(inner *scope, _ Value) (bool, error) {
		t, err := e.truth(inner, c.args[0], c.at)
		if t == isTrue {
			result = isTrue
		}
		return result != isTrue, err
	})
	return result, err
}

func all(e *evaluation, s *scope, c *callOp, in []Value) (truth, error) {
	result := isTrue
	err := e.forEach(s, in, func(inner *scope, _ Value) (bool, error) {
		t, err := e.truth(inner, c.args[0], c.at)
		if t != isTrue {
			result = isFalse
		}
		return result == isTrue, err
	})
	return result, err
}

// allAre makes allTrue and its kin: whether all, or any, of the input are
// want.
func allAre(want truth, every bool) func(*evaluation, *scope, *callOp, []Value) (truth, error) {
	return func(e *evaluation, _ *scope, c *callOp, in []Value) (truth, error) {
		result := every
		for _, v := range in {
			b, ok := v.Truth()
			if !ok {
				return unknown, e.failed(c.at, "%s needs booleans, not %s", title(c.at), describe(v))
			}
			if (truthOf(b) == want) != every {
				result = !every
			}
		}
		return truthOf(result), nil
	}
}

func (e *evaluation) subset(s *scope, c *callOp, in []Value, reverse bool) (truth, error) {
	other, err := e.inner(s, c.args[0], e.buffer())
	if err != nil {
		return unknown, err
	}
	part, whole := in, other
	if reverse {
		part, whole = other, in
	}
	if err := e.weighed(part, whole); err != nil {
		return unknown, err
	}
	set := setOf(whole)
	result := isTrue
	for _, v := range part {
		if !set.has(v) {
			result = isFalse
			break
		}
	}
	e.release(other)
	return result, nil
}
