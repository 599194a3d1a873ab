package fhirpath

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Check finds what can be told to be wrong without data, when the expression
// is applied to elements of a type: elements that the type does not have,
// types that do not exist, criteria that are no booleans, positions in
// collections that have no order. The error is a *SemanticError.
//
// Evaluate is lenient about these, as FHIRPath §10 allows: an unknown element
// is empty. Check is for whoever writes expressions. An empty typeName checks
// what does not depend on the input.
func (x *Expression) Check(d *definitions.Definitions, typeName string) error {
	_, err := x.Infer(d, ShapeOf(d, typeName))
	return err
}

// Shape is what can be told of a collection without data: the types that its
// items may have.
type Shape struct{ shape }

// ShapeOf is the shape of elements of a type; of a name that no type has, that
// of anything.
func ShapeOf(d *definitions.Definitions, typeName string) Shape {
	if t := d.Type(typeName); t != nil {
		return Shape{shape{types: []*definitions.Type{t}}}
	}
	return Shape{shape{any: true}}
}

// Infer is Check for an expression that is applied to a collection of some
// shape, such as the result of another one. It tells the shape of the result.
func (x *Expression) Infer(d *definitions.Definitions, focus Shape) (Shape, error) {
	c := &checker{d: d}
	s, err := c.infer(x.syntax, focus.shape)
	return Shape{s}, err
}

// MayBeBoolean says whether an item may be a boolean.
func (s Shape) MayBeBoolean() bool { return s.boolean() }

// Elements returns the FHIR types that items may have; ok is false when they
// may be something else as well.
func (s Shape) Elements() (types []*definitions.Type, ok bool) {
	return s.types, !s.any && len(s.kinds) == 0
}

// shape is what is known of a collection: the types of its items, and
// whether they have an order.
type shape struct {
	any       bool // nothing is known of the types
	types     []*definitions.Type
	kinds     []Kind // of System values
	unordered bool
}

func systemShape(k ...Kind) shape { return shape{kinds: k} }

func (s shape) plus(o shape) shape {
	r := shape{any: s.any || o.any, unordered: s.unordered || o.unordered}
	r.types = append(append(r.types, s.types...), o.types...)
	r.kinds = append(append(r.kinds, s.kinds...), o.kinds...)
	return r
}

// boolean says whether an item may be a boolean.
func (s shape) boolean() bool {
	if s.any || len(s.types)+len(s.kinds) == 0 {
		return true
	}
	for _, t := range s.types {
		if t.Name == "boolean" {
			return true
		}
	}
	for _, k := range s.kinds {
		if k == KindBoolean {
			return true
		}
	}
	return false
}

type checker struct {
	d *definitions.Definitions
	// unions counts the operators | around the node: only there may a path
	// begin with another type than the input's, as in search parameters.
	unions int
}

// infer checks s and tells its shape; focus is that of $this.
func (c *checker) infer(s *Syntax, focus shape) (shape, error) {
	input := focus
	if s.Input != nil {
		var err error
		if input, err = c.infer(s.Input, focus); err != nil {
			return input, err
		}
	}
	switch s.Kind {
	case SyntaxMember:
		return c.member(s, input)
	case SyntaxCall:
		return c.call(s, input, focus)
	case SyntaxIndexer:
		if input.unordered {
			return input, s.semanticError("the items of this collection have no order, so [ ] has no meaning")
		}
		_, err := c.infer(s.Args[0], focus)
		return input, err
	case SyntaxThis:
		switch s.Text {
		case "this":
			return focus, nil
		case "index":
			return systemShape(KindInteger), nil
		}
		return shape{any: true}, nil
	case SyntaxBinary, SyntaxPolarity, SyntaxInstance:
		return c.operator(s, focus)
	case SyntaxType:
		operand, err := c.infer(s.Args[0], focus)
		if err != nil {
			return operand, err
		}
		return c.typed(s, newTypeSpec(s.Unit), s.Text)
	case SyntaxVariable:
		if value, _ := systemVariable(s.Text); value != "" {
			return systemShape(KindString), nil
		}
		return shape{any: true}, nil
	case SyntaxEmpty:
		return shape{}, nil
	}
	v, err := literal(s)
	return systemShape(v.kind), err
}

func (c *checker) operator(s *Syntax, focus shape) (shape, error) {
	var operands shape
	if s.Text == "|" {
		c.unions++
		defer func() { c.unions-- }()
	}
	for _, a := range s.Args {
		o, err := c.infer(a, focus)
		if err != nil {
			return o, err
		}
		operands = operands.plus(o)
	}
	if s.Kind == SyntaxInstance {
		return c.typed(s, newTypeSpec(s.Text), "as")
	}
	switch s.Text {
	case "|":
		return operands, nil
	case "=", "!=", "~", "!~", "<", "<=", ">", ">=", "in", "contains", "and", "or", "xor", "implies":
		return systemShape(KindBoolean), nil
	case "&":
		return systemShape(KindString), nil
	}
	return shape{any: true}, nil
}

// member looks an element up in every type the input may have.
func (c *checker) member(s *Syntax, input shape) (shape, error) {
	if s.Input == nil && s.Text != "" && s.Text[0] >= 'A' && s.Text[0] <= 'Z' {
		if t := c.d.Type(s.Text); t != nil {
			for _, have := range input.types {
				if have.Is(s.Text) {
					return input, nil
				}
			}
			switch {
			case input.any || len(input.types) == 0:
			case c.unions > 0:
				return shape{}, nil
			default:
				return shape{}, s.semanticError("the expression is applied to " + input.types[0].Name + ", not to " + s.Text)
			}
			return shape{types: []*definitions.Type{t}}, nil
		}
	}
	out := shape{any: input.any || len(input.kinds) > 0, unordered: input.unordered}
	found := false
	for _, t := range input.types {
		e := t.Element(s.Text)
		if e == nil {
			// An abstract type may be any of its descendants.
			found = found || t.Abstract
			out.any = out.any || t.Abstract
			continue
		}
		found = true
		for _, ref := range e.Types {
			if ref.Type.Abstract {
				out.any = true
			}
			out.types = append(out.types, ref.Type)
		}
	}
	if found || out.any || len(input.types) == 0 {
		return out, nil
	}
	return out, s.semanticError(unknownElement(input.types, s.Text))
}

// unknownElement explains an element that none of the types has.
func unknownElement(types []*definitions.Type, name string) string {
	message := types[0].Name + " has no element " + name
	var names []string
	for _, t := range types {
		if p, ok := t.Property(name); ok {
			return message + "; in FHIRPath it is " + p.Element.Name + ".ofType(" + p.Type.Name + ")"
		}
		for _, e := range t.Elements {
			if strings.EqualFold(e.Name, name) || len(name) > 3 && strings.HasPrefix(name, e.Name) {
				return message + "; did you mean " + e.Name + "?"
			}
			names = append(names, e.Name)
		}
	}
	if near := fault.Nearest(name, names); near != "" {
		return message + "; did you mean " + near + "?"
	}
	return message
}

// typed is the shape after is or as with a type.
func (c *checker) typed(at *Syntax, spec typeSpec, function string) (shape, error) {
	if err := spec.known(c.d, at); err != nil {
		return shape{}, err
	}
	if function == "is" {
		return systemShape(KindBoolean), nil
	}
	if t := c.d.Type(spec.name); t != nil && spec.namespace != "System" {
		return shape{types: []*definitions.Type{t}, any: t.Abstract}, nil
	}
	return shape{any: true}, nil
}

// shapes of results that do not depend on the input.
var (
	booleanFunctions = words("empty exists all allTrue anyTrue allFalse anyFalse subsetOf supersetOf isDistinct not " +
		"convertsToBoolean convertsToInteger convertsToLong convertsToDecimal convertsToString convertsToDate convertsToDateTime " +
		"convertsToTime convertsToQuantity startsWith endsWith matches matchesFull hasValue conformsTo memberOf subsumes subsumedBy htmlChecks comparable")
	textFunctions    = words("toString substring upper lower trim replace replaceMatches join encode decode escape unescape toChars split pathname")
	integerFunctions = words("count length indexOf lastIndexOf toInteger duration difference")
	sameFunctions    = words("where first last tail skip take single distinct intersect exclude trace sort defineVariable checkModifiers")
	orderFunctions   = words("first last tail skip take")
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

func (c *checker) call(s *Syntax, input, focus shape) (shape, error) {
	if s.Input != nil && s.Input.Kind == SyntaxVariable && (s.Input.Text == "terminologies" || s.Input.Text == "factory") {
		return shape{any: true}, nil
	}
	f := functions[s.Text]
	if orderFunctions[s.Text] && input.unordered {
		return input, s.semanticError("the items of this collection have no order, so " + s.Text + "() has no meaning")
	}
	if f.typed {
		if len(s.Args) == 0 {
			return systemShape(KindString), nil
		}
		spec, err := typeArgument(s)
		if err != nil {
			return input, err
		}
		if s.Text == "getReferenceKey" {
			return systemShape(KindString), spec.known(c.d, s)
		}
		return c.typed(s, spec, s.Text)
	}
	inside := focus
	if f.each || s.Text == "iif" && s.Input != nil || s.Text == "defineVariable" {
		inside = input
		inside.unordered = false
	}
	args := make([]shape, len(s.Args))
	for i, a := range s.Args {
		var err error
		if args[i], err = c.infer(a, inside); err != nil {
			return input, err
		}
	}
	switch s.Text {
	case "iif":
		if !args[0].boolean() {
			return input, s.Args[0].semanticError("the criterion of iif() must be a boolean")
		}
		if len(args) == 3 {
			return args[1].plus(args[2]), nil
		}
		return args[1], nil
	case "select":
		args[0].unordered = args[0].unordered || input.unordered
		return args[0], nil
	case "union", "combine":
		return input.plus(args[0]), nil
	case "extension":
		return shape{types: []*definitions.Type{c.d.Type("Extension")}}, nil
	case "children", "descendants":
		return shape{any: true, unordered: true}, nil
	}
	switch {
	case sameFunctions[s.Text]:
		if s.Text == "sort" {
			input.unordered = false
		}
		return input, nil
	case booleanFunctions[s.Text]:
		return systemShape(KindBoolean), nil
	case textFunctions[s.Text]:
		return systemShape(KindString), nil
	case integerFunctions[s.Text]:
		return systemShape(KindInteger), nil
	}
	// contains() is of strings here, since the operator is no call.
	return shape{any: true}, nil
}
