package fhirpath

import (
	"sort"
)

// FHIRPath §5.2 Filtering and projection, §5.3 Subsetting, §5.4 Combining.
func init() {
	register(
		function{name: "where", min: 1, max: 1, each: true, eval: where},
		function{name: "select", min: 1, max: 1, each: true, eval: project},
		function{name: "repeat", min: 1, max: 1, each: true, eval: repeat},
		function{name: "repeatAll", min: 1, max: 1, each: true, eval: repeatAll},
		function{name: "sort", max: -1, each: true, eval: sorted},
		function{name: "coalesce", min: 1, max: -1, eval: coalesce},
		function{name: "single", eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
			_, _, err := e.one(in, c.at)
			return append(dst, in...), err
		}},
		function{name: "first", eval: func(_ *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			return append(dst, in[:min(1, len(in))]...), nil
		}},
		function{name: "last", eval: func(_ *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			return append(dst, in[max(0, len(in)-1):]...), nil
		}},
		function{name: "tail", eval: func(_ *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			return append(dst, in[min(1, len(in)):]...), nil
		}},
		function{name: "skip", min: 1, max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			n, ok, err := e.integer(s, c.args[0], c.at)
			if err != nil || !ok {
				return dst, err
			}
			return append(dst, in[min(max(n, 0), int64(len(in))):]...), nil
		}},
		function{name: "take", min: 1, max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			n, ok, err := e.integer(s, c.args[0], c.at)
			if err != nil || !ok {
				return dst, err
			}
			return append(dst, in[:min(max(n, 0), int64(len(in)))]...), nil
		}},
		function{name: "intersect", min: 1, max: 1, eval: intersect},
		function{name: "exclude", min: 1, max: 1, eval: exclude},
		function{name: "union", min: 1, max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			other, err := e.inner(s, c.args[0], e.buffer())
			if err != nil {
				return nil, err
			}
			if err := e.weighed(in, other); err != nil {
				return nil, err
			}
			dst = union(in, other, dst)
			e.release(other)
			return dst, nil
		}},
		function{name: "combine", min: 1, max: 2, eval: combine},
	)
}

func where(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	err := e.forEach(s, in, func(inner *scope, item Value) (bool, error) {
		t, err := e.truth(inner, c.args[0], c.at)
		if t == isTrue {
			dst = append(dst, item)
		}
		return true, err
	})
	return dst, err
}

func project(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	err := e.forEach(s, in, func(inner *scope, _ Value) (bool, error) {
		var err error
		if dst, err = e.inner(inner, c.args[0], dst); err != nil {
			return false, err
		}
		return true, e.room(dst)
	})
	return dst, err
}

// repeat projects until nothing new comes; equal items are taken once, so a
// cycle ends.
func repeat(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	set := &valueSet{}
	next := append(e.buffer(), in...)
	for len(next) > 0 {
		found, err := project(e, s, c, next, e.buffer())
		if err != nil {
			return nil, err
		}
		if err := e.weighed(found); err != nil {
			return nil, err
		}
		next = next[:0]
		for _, v := range found {
			if set.add(v) {
				next = append(next, v)
			}
		}
		e.release(found)
		if err := e.room(set.values); err != nil {
			return nil, err
		}
	}
	e.release(next)
	return append(dst, set.values...), nil
}

// repeatAll is repeat without looking for duplicates; a cycle runs into the
// limits.
func repeatAll(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	from := len(dst)
	dst, err := project(e, s, c, in, dst)
	for err == nil && from < len(dst) {
		// The items found last are copied, since dst grows while they are projected.
		level := append(e.buffer(), dst[from:]...)
		from = len(dst)
		dst, err = project(e, s, c, level, dst)
		e.release(level)
		if err == nil {
			err = e.room(dst)
		}
	}
	return dst, err
}

// coalesce gives the first argument that is not empty.
func coalesce(e *evaluation, s *scope, c *callOp, _, dst []Value) ([]Value, error) {
	for _, a := range c.args {
		before := len(dst)
		var err error
		if dst, err = e.inner(s, a, dst); err != nil || len(dst) > before {
			return dst, err
		}
	}
	return dst, nil
}

// sorted orders the input by the keys; without keys by the items. An empty
// key is less than every value. -$this as a key reverses the order of values,
// strings and dates too.
func sorted(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	keys := c.args
	if len(keys) == 0 {
		keys = []op{thisOp{}}
	}
	type row struct {
		item Value
		keys []Value
	}
	descending, negated := make([]bool, len(keys)), make([]bool, len(keys))
	for i := range c.args {
		descending[i] = c.at.Args[i].Descending
		if p, ok := keys[i].(polarityOp); ok && p.at.Text == "-" {
			keys = append([]op(nil), keys...)
			keys[i], negated[i] = p.operand, true
		}
	}
	rows := make([]row, 0, len(in))
	err := e.forEach(s, in, func(inner *scope, item Value) (bool, error) {
		r := row{item, make([]Value, len(keys))}
		for i, k := range keys {
			v, _, err := e.single(inner, k, c.at)
			if err != nil {
				return false, err
			}
			if r.keys[i] = v.quantity(); valueless(r.keys[i]) {
				r.keys[i] = Value{}
			}
		}
		rows = append(rows, r)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	var failure error
	sort.SliceStable(rows, func(i, j int) bool {
		for k := range keys {
			a, b := rows[i].keys[k], rows[j].keys[k]
			order := 0
			switch {
			case a.kind == KindNone || b.kind == KindNone:
				order = int(min(a.kind, 1)) - int(min(b.kind, 1))
			default:
				var ok bool
				if order, _, ok = compare(a, b); !ok && failure == nil {
					failure = e.failed(c.at, "sort() cannot order %s and %s", describe(a), describe(b))
				}
				if negated[k] {
					order = -order
				}
			}
			if order != 0 {
				return (order < 0) != descending[k]
			}
		}
		return false
	})
	for _, r := range rows {
		dst = append(dst, r.item)
	}
	if failure == nil {
		failure = e.step(4 * len(rows))
	}
	return dst, failure
}

func intersect(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	other, err := e.inner(s, c.args[0], e.buffer())
	if err != nil {
		return nil, err
	}
	if err := e.weighed(in, other); err != nil {
		return nil, err
	}
	set, taken := setOf(other), &valueSet{}
	for _, v := range in {
		if set.has(v) {
			taken.add(v)
		}
	}
	e.release(other)
	return append(dst, taken.values...), nil
}

func exclude(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	other, err := e.inner(s, c.args[0], e.buffer())
	if err != nil {
		return nil, err
	}
	if err := e.weighed(in, other); err != nil {
		return nil, err
	}
	set := setOf(other)
	for _, v := range in {
		if !set.has(v) {
			dst = append(dst, v)
		}
	}
	e.release(other)
	return dst, nil
}

// combine joins both inputs, duplicates kept. With preserveOrder the input
// comes first, as it does here always.
func combine(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	dst = append(dst, in...)
	return e.inner(s, c.args[0], dst)
}
