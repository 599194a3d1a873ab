package fhirpath

// unionOp is a | b | c: the distinct values of all. Search parameters are
// unions over many resource types, so a branch that begins with another type
// than the focus has is not evaluated.
type unionOp struct {
	branches []op
	roots    []string // the type that a branch is empty without, "" for any
}

func newUnion(left, right op) *unionOp {
	u := &unionOp{}
	for _, o := range []op{left, right} {
		if inner, ok := o.(*unionOp); ok {
			u.branches = append(u.branches, inner.branches...)
			u.roots = append(u.roots, inner.roots...)
			continue
		}
		u.branches = append(u.branches, o)
		u.roots = append(u.roots, rootOf(o))
	}
	return u
}

// rootOf is the type that the focus must have lest o be empty, "" when there
// is none.
func rootOf(o op) string {
	switch o := o.(type) {
	case *pathOp:
		if o.input != nil {
			return rootOf(o.input)
		}
		return o.root
	case *asOp:
		return rootOf(o.operand)
	case *indexerOp:
		return rootOf(o.input)
	case *callOp:
		switch o.fn.name {
		case "where", "select", "ofType", "first", "last", "extension", "resolve":
			if o.input != nil {
				return rootOf(o.input)
			}
		}
	}
	return ""
}

func (o *unionOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	if err := e.step(len(o.branches)); err != nil {
		return nil, err
	}
	all := e.buffer()
	sources := 0
	for i, b := range o.branches {
		if root := o.roots[i]; root != "" && len(s.focus) == 1 && s.focus[0].kind == KindNode &&
			!s.focus[0].node.Type().Is(root) && !logical(s.focus[0].node) {
			continue
		}
		before := len(all)
		var err error
		if all, err = e.inner(s, b, all); err != nil {
			return nil, err
		}
		if len(all) > before {
			sources++
		}
	}
	if len(all) == 1 {
		dst = append(dst, all[0])
	} else {
		if err := e.weighed(all); err != nil {
			return nil, err
		}
		dst = union(all, nil, dst)
	}
	e.release(all)
	return dst, e.step(1)
}

// union appends the distinct values of a and b.
func union(a, b, dst []Value) []Value {
	switch {
	case len(a)+len(b) == 1:
		return append(append(dst, a...), b...)
	case len(a)+len(b) < hashFrom:
		before := len(dst)
		for _, c := range [2][]Value{a, b} {
			for _, v := range c {
				if !contains(dst[before:], v) {
					dst = append(dst, v)
				}
			}
		}
		return dst
	}
	set := &valueSet{}
	for _, v := range a {
		set.add(v)
	}
	for _, v := range b {
		set.add(v)
	}
	return append(dst, set.values...)
}
