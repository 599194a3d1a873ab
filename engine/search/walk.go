package search

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// A branch is where the paths of all parameters of a type that begin alike
// have come to: one pass over the tree follows them together.
type branch struct {
	edges []edge
	tests []test
	sinks []sink
}

// edge leads to the children called name.
type edge struct {
	name string
	to   *branch
}

// test leads on for nodes that pass a step; stepExtension leads to extensions.
type test struct {
	step
	to *branch
}

// sink receives the nodes at the end of a path: values of a parameter, or,
// with part > 0, of that component of a composite one.
type sink struct {
	param *parameter
	part  int
}

// rules are the expressions of the parameters of a type, or of one component
// of a composite, compiled.
type rules struct {
	focus branch       // paths from the focus: the resource, or a composite's element
	root  branch       // paths from %resource
	whole []*wholeRule // expressions that are more than paths, from the focus
}

// endsIn says whether an expression can give an element of one of some data types.
// Only what is written as a path from a resource type is looked at.
func (c *Catalog) endsIn(typeName, expression string, dataTypes ...string) bool {
	for _, alternative := range splitUnion(expression) {
		paths, err := parsePaths(c.defs, alternative)
		if err != nil {
			continue
		}
		for _, one := range paths {
			if one.root != "" && c.concerns(one.root, typeName) &&
				slices.ContainsFunc(c.endTypes(one), func(t string) bool { return slices.Contains(dataTypes, t) }) {
				return true
			}
		}
	}
	return false
}

// endTypes are the names of the types of the elements that a path ends in.
func (c *Catalog) endTypes(p path) []string {
	at := []*definitions.Type{c.defs.Type(p.root)}
	for _, s := range p.steps {
		var next []*definitions.Type
		for _, t := range at {
			switch s.kind {
			case stepChild:
				if e := t.Element(s.name); e != nil {
					for i := range e.Types {
						next = append(next, e.Types[i].Type)
					}
				}
			case stepType:
				if t.Is(s.name) {
					next = append(next, t)
				}
			case stepExtension:
				next = append(next, c.defs.Type("Extension"))
			default:
				next = append(next, t)
			}
		}
		at = next
	}
	names := make([]string, len(at))
	for i, t := range at {
		names[i] = t.Name
	}
	return names
}

// compileInto adds an expression: its alternatives that concern the type, each
// ending in s.
func (c *Catalog) compileInto(r *rules, typeName, expression string, s sink) error {
	matched := false
	for _, alternative := range splitUnion(expression) {
		paths, err := parsePaths(c.defs, alternative)
		if err != nil {
			if root := firstName(alternative); c.isResource(root) && !c.concerns(root, typeName) {
				continue
			}
			rule, failed := compileWhole(alternative, s)
			if failed != nil {
				return failed
			}
			r.whole = append(r.whole, rule)
			matched = true
		}
		for _, one := range paths {
			if one.root != "" && !c.concerns(one.root, typeName) {
				continue
			}
			matched = true
			from := &r.focus
			if one.resource {
				from = &r.root
			}
			end := from.add(one.steps)
			end.sinks = append(end.sinks, s)
		}
	}
	if !matched {
		return fmt.Errorf("its expression says nothing about %s", typeName)
	}
	return nil
}

// splitUnion cuts an expression at the | that stand outside of parentheses and
// strings. Alternatives that join conditions with "and" are taken apart too,
// which is what R5's definitions mean.
func splitUnion(expression string) []string {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == '|' && depth == 0:
			parts = append(parts, expression[start:i])
			start = i + 1
		}
	}
	return append(parts, expression[start:])
}

// firstName returns the identifier that an expression begins with, behind
// parentheses.
func firstName(expression string) string {
	expression = strings.TrimLeft(expression, " \t\r\n(")
	end := strings.IndexFunc(expression, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		return expression
	}
	return expression[:end]
}

// isResource says whether name is a resource type, abstract ones included.
func (c *Catalog) isResource(name string) bool {
	t := c.defs.Type(name)
	return t != nil && t.Kind == definitions.Resource
}

// concerns says whether a path from root applies to resources of a type.
func (c *Catalog) concerns(root, typeName string) bool {
	if root == typeName {
		return true
	}
	t := c.defs.Type(typeName)
	if typeName == System {
		return root == "DomainResource"
	}
	return t.Is(root)
}

// add returns the branch at the end of steps, making it when it is new.
func (b *branch) add(steps []step) *branch {
	for _, s := range steps {
		b = b.next(s)
	}
	return b
}

func (b *branch) next(s step) *branch {
	if s.kind == stepChild {
		for _, e := range b.edges {
			if e.name == s.name {
				return e.to
			}
		}
		to := &branch{}
		b.edges = append(b.edges, edge{s.name, to})
		return to
	}
	for _, t := range b.tests {
		if t.step == s {
			return t.to
		}
	}
	to := &branch{}
	b.tests = append(b.tests, test{s, to})
	return to
}

// apply runs rules at a focus.
func (x *extraction) apply(r *rules, focus fhir.Node) {
	x.follow(&r.focus, focus)
	if len(r.root.edges) > 0 {
		x.follow(&r.root, x.root)
	}
	for _, rule := range r.whole {
		x.evaluate(rule, focus)
	}
}

// follow gives every sink its nodes, n being where b has come to.
func (x *extraction) follow(b *branch, n fhir.Node) {
	for _, s := range b.sinks {
		x.take(s, n)
	}
	for i := range b.tests {
		t := &b.tests[i]
		if t.kind == stepExtension {
			for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
				if c.Name() == "extension" && c.Child("url").Text() == t.literal {
					x.follow(t.to, c)
				}
			}
		} else if x.passes(t.step, n) {
			x.follow(t.to, n)
		}
	}
	if len(b.edges) == 0 {
		return
	}
	for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		name := c.Name()
		for i := range b.edges {
			if b.edges[i].name == name {
				x.follow(b.edges[i].to, c)
				break
			}
		}
	}
}

// passes says whether a node stays after a step.
func (x *extraction) passes(s step, n fhir.Node) bool {
	switch s.kind {
	case stepType:
		return n.Type().Is(s.name)
	case stepIndex:
		return max(n.Index(), 0) == s.index
	case stepEquals:
		for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
			if c.Name() == s.name && c.HasValue() && c.Text() == s.literal {
				return true
			}
		}
	case stepHasExtension:
		for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
			if c.Name() == "extension" && c.Child("url").Text() == s.literal {
				return true
			}
		}
	case stepPointsTo:
		return x.pointsTo(n, s.name)
	}
	return false
}

// pointsTo decides resolve() is typeName by what the reference says itself:
// no other resource is looked at.
func (x *extraction) pointsTo(n fhir.Node, typeName string) bool {
	if n.Type().Name == "CodeableReference" {
		n = n.Child("reference")
	}
	text := n.Child("reference").Text()
	if n.Type().Kind == definitions.Primitive {
		text = n.Text()
	}
	if id, ok := strings.CutPrefix(text, "#"); ok {
		if id == "" {
			return x.root.Type().Name == typeName
		}
		for c := x.root.FirstChild(); !c.IsZero(); c = c.NextSibling() {
			if c.Name() == "contained" && c.Child("id").Text() == id {
				return c.Type().Name == typeName
			}
		}
		return false
	}
	if named := fhir.ReferredType(text); named != "" && x.c.types[named] != nil {
		return named == typeName
	}
	declared := n.Child("type").Text()
	return declared == typeName || declared == "http://hl7.org/fhir/StructureDefinition/"+typeName
}
