package fhirpath

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// factoryOp is a function of %factory. R5 §2.1.9.1.7.
type factoryOp struct {
	at   *Syntax
	args []op
}

// factoryElements are the elements that the arguments of the complex types
// fill, in order.
var factoryElements = map[string][]string{
	"Extension":       {"url", "value"},
	"Identifier":      {"system", "value", "use", "type"},
	"HumanName":       {"family", "given", "prefix", "suffix", "text", "use"},
	"ContactPoint":    {"system", "value", "use"},
	"Address":         {"line", "city", "state", "postalCode", "country", "use", "type"},
	"Quantity":        {"system", "code", "value", "unit"},
	"Coding":          {"system", "code", "display", "version"},
	"CodeableConcept": {"coding", "text"},
}

func (o *factoryOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	d := e.definitions()
	if d == nil {
		return nil, e.failed(o.at, "%%factory needs the definitions of a FHIR release")
	}
	if o.at.Text == "create" && len(o.at.Args) == 1 {
		spec, err := typeArgument(o.at)
		if err != nil {
			return nil, err
		}
		n, err := e.blank(d, spec.name, o.at)
		return append(dst, NodeValue(n)), err
	}
	args := make([][]Value, len(o.args))
	for i, a := range o.args {
		var err error
		if args[i], err = e.inner(s, a, nil); err != nil {
			return nil, err
		}
	}
	if err := e.copying(args); err != nil {
		return nil, err
	}
	n, err := o.make(e, d, args)
	if err != nil {
		return nil, e.failed(o.at, "%%factory.%s: %s", o.at.Text, err)
	}
	return append(dst, NodeValue(n)), nil
}

func (o *factoryOp) make(e *evaluation, d *definitions.Definitions, args [][]Value) (fhir.Node, error) {
	name := o.at.Text
	if name == "withExtension" || name == "withProperty" {
		if len(args) != 3 || len(args[0]) != 1 || args[0][0].kind != KindNode {
			return fhir.Node{}, e.failed(o.at, "an element, a name and a value are needed")
		}
		n, err := copyOf(d, args[0][0].node)
		if err != nil {
			return n, err
		}
		if name == "withExtension" {
			x, err := e.build(d, "Extension", []string{"url", "value"}, args[1:], o.at)
			if err != nil {
				return n, err
			}
			_, err = n.Graft("extension", x)
			return n, err
		}
		element, _, err := e.onText(args[1], o.at)
		if err != nil {
			return n, err
		}
		return n, e.put(d, n, element, args[2], o.at)
	}
	t := d.Type(name)
	switch {
	case t != nil && t.Kind == definitions.Primitive && (len(args) == 1 || len(args) == 2):
		return e.primitive(d, name, args, o.at)
	case factoryElements[name] == nil || len(args) > len(factoryElements[name]):
		return fhir.Node{}, o.at.semanticError("%factory has no function " + name + "() with these arguments")
	}
	return e.build(d, name, factoryElements[name], args, o.at)
}

// blank makes an element or resource without content.
func (e *evaluation) blank(d *definitions.Definitions, name string, at *Syntax) (fhir.Node, error) {
	var t *fhir.Tree
	var err error
	typ := d.Type(name)
	switch {
	case typ == nil:
		return fhir.Node{}, at.semanticError("there is no type " + name + " in " + string(d.Release))
	case typ.Kind == definitions.Resource:
		t, err = fhir.New(d, name)
	case typ.Kind == definitions.Primitive:
		holder, err := fhir.NewValue(d, "Extension")
		if err != nil {
			return fhir.Node{}, err
		}
		return holder.Root().Add("value" + upperFirst(name))
	default:
		t, err = fhir.NewValue(d, name)
	}
	if err != nil {
		return fhir.Node{}, err
	}
	return t.Root(), nil
}

// primitive makes a primitive element. It stands in an Extension, since a
// primitive is no tree of its own.
func (e *evaluation) primitive(d *definitions.Definitions, name string, args [][]Value, at *Syntax) (fhir.Node, error) {
	holder, err := fhir.NewValue(d, "Extension")
	if err != nil {
		return fhir.Node{}, err
	}
	v, ok, err := e.one(args[0], at)
	if err != nil {
		return fhir.Node{}, err
	}
	var n fhir.Node
	if ok {
		sys := v.system()
		text, _ := sys.text()
		if sys.kind != KindString && primitiveKind(d.Type(name)) == KindString {
			return n, e.failed(at, "a string is needed, not %s", describe(sys))
		}
		n, err = holder.Root().AddText("value"+upperFirst(name), text)
	} else {
		n, err = holder.Root().Add("value" + upperFirst(name))
	}
	if err != nil || len(args) == 1 {
		return n, err
	}
	return n, e.put(d, n, "extension", args[1], at)
}

// build makes an element of a complex type; elements beyond values stay
// empty.
func (e *evaluation) build(d *definitions.Definitions, name string, elements []string, values [][]Value, at *Syntax) (fhir.Node, error) {
	n, err := e.blank(d, name, at)
	if err != nil {
		return n, err
	}
	for i, c := range values {
		if err := e.put(d, n, elements[i], c, at); err != nil {
			return n, err
		}
	}
	return n, nil
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// propertyOf is the JSON property of an element for a value: value becomes
// valueQuantity.
func propertyOf(t *definitions.Type, element string, v Value, at *Syntax) (*definitions.Property, error) {
	def := t.Element(element)
	if def == nil {
		return nil, at.semanticError(t.Name + " has no element " + element)
	}
	name := element
	if def.Choice {
		typeName := ""
		switch v.kind {
		case KindNode:
			typeName = v.node.Type().Name
		case KindQuantity:
			typeName = "Quantity"
		default:
			typeName = strings.TrimPrefix(v.TypeName(), "System.")
			typeName = strings.ToLower(typeName[:1]) + typeName[1:]
		}
		name += upperFirst(typeName)
	}
	p, ok := t.Property(name)
	if !ok {
		return nil, at.semanticError(t.Name + "." + element + " cannot be " + v.TypeName())
	}
	return p, nil
}

// put appends values to an element of n.
func (e *evaluation) put(d *definitions.Definitions, n fhir.Node, element string, values []Value, at *Syntax) error {
	for _, v := range values {
		p, err := propertyOf(n.Type(), element, v, at)
		if err != nil {
			return err
		}
		switch {
		case p.Type.Kind == definitions.Primitive && (v.kind != KindNode || v.node.Type().Name != p.Type.Name):
			sys := v.system()
			text, ok := sys.text()
			if !ok || primitiveKind(p.Type) == KindString && sys.kind != KindString {
				return e.failed(at, "%s cannot be %s", n.Type().Name+"."+element, describe(v))
			}
			_, err = n.AddText(p.Name, text)
		case v.kind == KindQuantity:
			var q fhir.Node
			if q, err = e.quantityNode(d, v.data.(*Quantity), at); err == nil {
				_, err = n.Graft(p.Name, q)
			}
		case v.kind == KindNode:
			_, err = n.Graft(p.Name, v.node)
		default:
			err = e.failed(at, "%s cannot be %s", n.Type().Name+"."+element, describe(v))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Put appends v to an element of parent, a choice in the type of v: value of
// Parameters.parameter becomes valueInteger for an Integer. The error says
// that the element cannot hold v, as with backbone elements and resources.
func (v Value) Put(parent fhir.Node, element string) error {
	at := &Syntax{Kind: SyntaxMember, Text: element, Line: 1, Column: 1}
	return new(evaluation).put(parent.Tree().Definitions(), parent, element, []Value{v}, at)
}

func (e *evaluation) quantityNode(d *definitions.Definitions, q *Quantity, at *Syntax) (fhir.Node, error) {
	if q.calendar {
		return e.build(d, "Quantity", []string{"value", "unit"}, [][]Value{{Decimal(q.value)}, {String(q.unit)}}, at)
	}
	return e.build(d, "Quantity", []string{"value", "unit", "system", "code"},
		[][]Value{{Decimal(q.value)}, {String(q.unit)}, {String(q.System())}, {String(q.unit)}}, at)
}

// copying counts the steps of making an element of values.
func (e *evaluation) copying(values [][]Value) error {
	n := 50
	for _, c := range values {
		n += 10 * weight(c)
	}
	return e.step(n)
}

// copyOf is n as a tree of its own that may be changed.
func copyOf(d *definitions.Definitions, n fhir.Node) (fhir.Node, error) {
	if n.IsPrimitive() {
		holder, err := fhir.NewValue(d, "Extension")
		if err != nil {
			return n, err
		}
		return holder.Root().Graft("value"+upperFirst(n.Type().Name), n)
	}
	return n.CopyTree().Clone().Root(), nil
}

// instanceOp is an instance selector, Coding { system: 'x', code: 'y' }.
// FHIRPath 3.0 §4.1.10.
type instanceOp struct {
	at   *Syntax
	spec typeSpec
	args []op
}

func compileInstance(s *Syntax) (op, error) {
	o := &instanceOp{at: s, spec: newTypeSpec(s.Text)}
	for _, a := range s.Args {
		v, err := compile(a)
		if err != nil {
			return nil, err
		}
		o.args = append(o.args, v)
	}
	return o, nil
}

func (o *instanceOp) eval(e *evaluation, s *scope, dst []Value) ([]Value, error) {
	d := e.definitions()
	if d == nil {
		return nil, e.failed(o.at, "an instance selector needs the definitions of a FHIR release")
	}
	if o.spec.namespace == "System" {
		return nil, o.at.semanticError("values of System types are written as literals")
	}
	values := make([][]Value, len(o.args))
	for i, a := range o.args {
		var err error
		if values[i], err = e.inner(s, a, nil); err != nil {
			return nil, err
		}
	}
	if err := e.copying(values); err != nil {
		return nil, err
	}
	n, err := e.build(d, o.spec.name, o.at.Names, values, o.at)
	if err != nil {
		return nil, e.failed(o.at, "%s", err)
	}
	return append(dst, NodeValue(n)), nil
}
