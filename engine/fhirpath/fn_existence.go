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
			return union(in, nil, dst), e.step(len(in))
		}},
		function{name: "isDistinct", test: func(e *evaluation, _ *scope, _ *callOp, in []Value) (truth, error) {
			d := union(in, nil, e.buffer())
			n := len(d)
			e.release(d)
			return truthOf(n == len(in)), e.step(len(in))
		}},
		function{name: "not", test: func(e *evaluation, _ *scope, c *callOp, in []Value) (truth, error) {
			t, err := e.truthOfAll(in, c.at)
			return t.not(), err
		}},
	)
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
	set := setOf(whole)
	result := isTrue
	for _, v := range part {
		if !set.has(v) {
			result = isFalse
			break
		}
	}
	e.release(other)
	return result, e.step(len(part) + len(whole))
}
