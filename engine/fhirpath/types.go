package fhirpath

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// typeSpec is a type specifier: System.String, FHIR.Patient or a bare name.
type typeSpec struct {
	namespace string // "System", "FHIR" or "" for either
	name      string
}

func newTypeSpec(qualified string) typeSpec {
	namespace, name, ok := strings.Cut(qualified, ".")
	if !ok {
		return typeSpec{name: namespace}
	}
	return typeSpec{namespace, name}
}

// typeArgument reads the argument of is(), as() and ofType() as a type
// specifier.
func typeArgument(s *Syntax) (typeSpec, error) {
	a := s.Args[0]
	switch {
	case a.Kind == SyntaxMember && a.Input == nil:
		return typeSpec{name: a.Text}, nil
	case a.Kind == SyntaxMember && a.Input.Kind == SyntaxMember && a.Input.Input == nil:
		return typeSpec{a.Input.Text, a.Text}, nil
	case a.Kind == SyntaxString:
		// Older search parameters write as('Quantity').
		return newTypeSpec(a.Text), nil
	}
	return typeSpec{}, a.semanticError(s.Text + "() needs the name of a type, such as Patient or System.String")
}

// systemTypes are the names of namespace System.
var systemTypes = map[string]Kind{"Boolean": KindBoolean, "String": KindString, "Integer": KindInteger, "Long": KindLong,
	"Decimal": KindDecimal, "Date": KindDate, "DateTime": KindDateTime, "Time": KindTime, "Quantity": KindQuantity, "Any": KindNone}

// known fails for a bare or FHIR name that no type has.
func (t typeSpec) known(d *definitions.Definitions, at *Syntax) error {
	if _, ok := systemTypes[t.name]; ok && t.namespace != "FHIR" || t.namespace == "System" || d == nil || d.Type(t.name) != nil {
		return nil
	}
	if t.namespace != "" && t.namespace != "FHIR" {
		return at.semanticError("there is no namespace " + t.namespace + "; types are of FHIR or System")
	}
	switch t.name {
	case "xhtml", "Base", "BackboneElement", "Element", "Resource", "DomainResource", "TypeInfo", "SimpleTypeInfo", "ClassInfo":
		return nil
	}
	return at.semanticError("there is no type " + t.name + " in " + string(d.Release))
}

// has says whether v is of the type. With exactly, primitives must be of that
// very type: a code is a string, but (x as string) does not select it, as
// HL7's suites have it.
func (t typeSpec) has(v Value, exactly bool) bool {
	if v.kind != KindNode {
		if t.namespace == "FHIR" {
			return false
		}
		if t.name == "Any" {
			return true
		}
		kind, ok := systemTypes[t.name]
		return ok && kind == v.kind
	}
	if t.namespace == "System" {
		return t.name == "Any"
	}
	typ := v.node.Type()
	switch {
	case typ.Name == t.name:
		return true
	case exactly && typ.Kind == definitions.Primitive:
		return false
	case typ.Kind == definitions.Backbone && (t.name == "BackboneElement" || t.name == "Element"):
		return true
	}
	return typ.Is(t.name)
}

func compileTypeOperator(s *Syntax) (op, error) {
	operand, err := compile(s.Args[0])
	if err != nil {
		return nil, err
	}
	return newTypeOp(s, operand, newTypeSpec(s.Unit)), nil
}

// newTypeOp makes is or as over an operand; nil is the focus.
func newTypeOp(s *Syntax, operand op, spec typeSpec) op {
	if operand == nil {
		operand = thisOp{}
	}
	if s.Text == "as" {
		return &asOp{operand, spec, s}
	}
	if c, ok := operand.(*callOp); ok && c.fn.name == "resolve" {
		return &resolvesOp{call: c, spec: spec, at: s}
	}
	return &isOp{operand, spec, s}
}

// isOp is x is T and x.is(T).
type isOp struct {
	operand op
	spec    typeSpec
	at      *Syntax
}

func (o *isOp) truth(e *evaluation, s *scope) (truth, error) {
	v, ok, err := e.single(s, o.operand, o.at)
	if err != nil || !ok {
		return unknown, err
	}
	if o.spec.has(v, false) {
		return isTrue, nil
	}
	return isFalse, o.spec.known(e.definitions(), o.at)
}

func (o *isOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	t, err := o.truth(e, s)
	return t.appendTo(dst), err
}

// asOp is x as T and x.as(T). It takes a single item by FHIRPath §6.3.3, but
// FHIR's own search parameters and invariants apply it to collections (dom-3
// of R4), so it selects from them unless Env.Strict is set.
type asOp struct {
	operand op
	spec    typeSpec
	at      *Syntax
}

func (o *asOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	c, err := o.operand.eval(e, s, e.buffer())
	if err != nil {
		return nil, err
	}
	if e.env.Strict && o.at.Kind == SyntaxCall && len(c) > 1 {
		return nil, e.failed(o.at, "as() needs a single value, not a collection of %d items; ofType() selects from collections", len(c))
	}
	dst, err = e.ofType(c, o.spec, o.at, dst)
	e.release(c)
	return dst, err
}

// ofType appends the items that are of a type.
func (e *evaluation) ofType(c []Value, spec typeSpec, at *Syntax, dst []Value) ([]Value, error) {
	found := false
	for _, v := range c {
		if spec.has(v, true) {
			dst = append(dst, v)
			found = true
		}
	}
	if !found {
		if err := spec.known(e.definitions(), at); err != nil {
			return nil, err
		}
	}
	return dst, e.step(1 + len(c))
}

func init() {
	prepare := func(c *callOp) error {
		spec, err := typeArgument(c.at)
		c.data = spec
		return err
	}
	register(
		function{name: "is", min: 1, max: 1, typed: true, prepare: prepare},
		function{name: "as", min: 1, max: 1, typed: true, prepare: prepare},
		function{name: "ofType", min: 1, max: 1, typed: true, prepare: prepare, eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
			return e.ofType(in, c.data.(typeSpec), c.at, dst)
		}},
		function{name: "type", eval: func(_ *evaluation, _ *scope, _ *callOp, in, dst []Value) ([]Value, error) {
			for _, v := range in {
				dst = append(dst, Value{kind: KindType, data: infoOf(v)})
			}
			return dst, nil
		}},
	)
}

// infoOf is the reflection of a value's type.
func infoOf(v Value) *typeInfo {
	if v.kind != KindNode {
		return &typeInfo{"System", strings.TrimPrefix(kindNames[v.kind], "System."), "System.Any"}
	}
	t := v.node.Type()
	info := &typeInfo{namespace: "FHIR", name: t.Name}
	switch {
	case t.Kind == definitions.Backbone:
		info.base = "FHIR.BackboneElement"
	case t.Base != nil:
		info.base = "FHIR." + t.Base.Name
	}
	return info
}
