package fhirpath

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// pathOp is a chain of plain members, Patient.name.given, walked without
// collections between the steps.
type pathOp struct {
	input op     // what the chain starts from; nil for the focus
	root  string // name of the type that a focus must have, when the chain begins with one
	steps []string
	at    *Syntax
}

// compilePath folds nested members into one pathOp.
func compilePath(s *Syntax) (op, error) {
	steps := []string{}
	n := s
	for n.Kind == SyntaxMember && n.Input != nil {
		steps = append(steps, n.Text)
		n = n.Input
	}
	for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
		steps[i], steps[j] = steps[j], steps[i]
	}
	if n.Kind != SyntaxMember {
		input, err := compile(n)
		return &pathOp{input: input, steps: steps, at: s}, err
	}
	if c := n.Text[:min(1, len(n.Text))]; c >= "A" && c <= "Z" {
		return &pathOp{root: n.Text, steps: steps, at: s}, nil
	}
	return &pathOp{steps: append([]string{n.Text}, steps...), at: s}, nil
}

func (o *pathOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	if o.input == nil {
		return o.walkAll(e, s.focus, dst)
	}
	base, err := o.input.eval(e, s, e.buffer())
	if err != nil {
		return nil, err
	}
	dst, err = o.walkAll(e, base, dst)
	e.release(base)
	return dst, err
}

func (o *pathOp) walkAll(e *evaluation, base, dst []Value) ([]Value, error) {
	passed := 0
	before := len(dst)
	for i := range base {
		v := &base[i]
		if v.kind != KindNode {
			if o.root == "" {
				dst = v.members(o.steps, dst)
			}
			continue
		}
		switch {
		case o.root == "":
			dst = walk(v.node, o.steps, dst, &passed)
		case v.node.Type().Is(o.root):
			if len(o.steps) == 0 {
				dst = append(dst, *v)
			} else {
				dst = walk(v.node, o.steps, dst, &passed)
			}
		case logical(v.node):
			// Elements of logical models may be named like types.
			for c := range v.node.All(o.root) {
				if len(o.steps) == 0 {
					dst = append(dst, NodeValue(c))
				} else {
					dst = walk(c, o.steps, dst, &passed)
				}
			}
		}
	}
	if err := e.room(dst); err != nil {
		return nil, err
	}
	return dst, e.step(1 + len(base) + len(dst) - before + passed>>6)
}

func logical(n fhir.Node) bool { return n.Type().Kind == definitions.Logical }

// count is how many items the path leads to from the focus, at most limit.
func (o *pathOp) count(e *evaluation, s *scope, limit int) (int, bool, error) {
	if o.input != nil {
		return 0, false, nil
	}
	n, passed := 0, 0
	for i := range s.focus {
		v := &s.focus[i]
		switch {
		case v.kind != KindNode || o.root != "" && logical(v.node):
			return 0, false, nil
		case o.root != "" && !v.node.Type().Is(o.root):
		case len(o.steps) == 0:
			n++
		default:
			n = countSteps(v.node, o.steps, n, limit, &passed)
		}
		if n >= limit {
			break
		}
	}
	return n, true, e.step(1 + n + passed>>6)
}

// countSteps adds what steps lead to from n to have, up to limit, and the
// elements it came by to passed.
func countSteps(n fhir.Node, steps []string, have, limit int, passed *int) int {
	for c := n.FirstChild(); !c.IsZero() && have < limit; c = c.NextSibling() {
		*passed++
		element := c.Element()
		if element.Name != steps[0] {
			continue
		}
		if len(steps) == 1 {
			have++
		} else {
			have = countSteps(c, steps[1:], have, limit, passed)
		}
		if element.Max == 1 {
			break
		}
	}
	return have
}

// walk appends what steps lead to from n, and adds the elements it came by to
// passed. steps is not empty.
func walk(n fhir.Node, steps []string, dst []Value, passed *int) []Value {
	for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		*passed++
		element := c.Element()
		if element.Name != steps[0] {
			continue
		}
		if len(steps) == 1 {
			dst = append(dst, Value{kind: KindNode, node: c})
		} else {
			dst = walk(c, steps[1:], dst, passed)
		}
		if element.Max == 1 {
			break
		}
	}
	return dst
}

// members walks the elements that System types have.
func (v *Value) members(steps []string, dst []Value) []Value {
	m, ok := v.member(steps[0])
	switch {
	case !ok:
		return dst
	case len(steps) == 1:
		return append(dst, m)
	}
	return m.members(steps[1:], dst)
}

func (v *Value) member(name string) (Value, bool) {
	switch data := v.data.(type) {
	case *Quantity:
		switch name {
		case "value":
			return Decimal(new(apd.Decimal).Set(data.value)), true
		case "unit", "code":
			return String(data.unit), true
		case "system":
			if !data.calendar {
				return String(ucumSystem), true
			}
		}
	case *typeInfo:
		switch name {
		case "namespace":
			return String(data.namespace), true
		case "name":
			return String(data.name), true
		case "baseType":
			return String(data.base), data.base != ""
		}
	}
	return Value{}, false
}

// indexerOp is x[n].
type indexerOp struct {
	input, index op
	at           *Syntax
}

func compileIndexer(s *Syntax) (op, error) {
	input, err := compile(s.Input)
	if err != nil {
		return nil, err
	}
	index, err := compile(s.Args[0])
	return &indexerOp{input, index, s}, err
}

func (o *indexerOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	base, err := o.input.eval(e, s, e.buffer())
	if err != nil {
		return nil, err
	}
	i, ok, err := e.integer(s, o.index, o.at)
	if err != nil {
		return nil, err
	}
	if ok && i >= 0 && i < int64(len(base)) {
		dst = append(dst, base[i])
	}
	e.release(base)
	return dst, e.step(1)
}
