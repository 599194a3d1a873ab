package search

import (
	"slices"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// expressions checks what the parameter and its components select.
func (d *defining) expressions() {
	n := d.root.Child("expression")
	if !d.sized(n, d.Expression) {
		return
	}
	for _, t := range d.types {
		focus, ok := d.selects(n, d.Expression, t)
		if !ok {
			return
		}
		if d.Type != definitions.SearchComposite {
			if !d.suits(n, d.Type, focus) {
				return
			}
			continue
		}
		if !d.parts(t, focus) {
			return
		}
	}
}

// sized refuses an expression that is missing or too long.
func (d *defining) sized(n fhir.Node, expression string) bool {
	switch {
	case expression == "":
		d.refuse(n, fault.CodeRequired, "an expression says which elements are searched by: Patient.name.suffix")
	case len(expression) > MaxExpression:
		d.refuse(n, fault.CodeTooLong, "the expression has %d bytes, more than the %d that are taken here", len(expression), MaxExpression)
	default:
		return true
	}
	return false
}

// selects finds what an expression gives of a type.
func (d *defining) selects(n fhir.Node, expression, typeName string) (ends []fhirpath.Shape, ok bool) {
	var r rules
	if err := d.c.compileInto(&r, typeName, expression, sink{param: &parameter{}}); err != nil {
		d.refuse(n, fault.CodeValue, "of %s: %v; begin each alternative with the type: %[1]s.", typeName, err)
		return nil, false
	}
	for _, alternative := range splitUnion(expression) {
		if root := firstName(alternative); d.c.isResource(root) && !d.c.concerns(root, typeName) {
			continue
		}
		end, ok := d.infer(n, alternative, fhirpath.ShapeOf(d.c.defs, typeName))
		if !ok {
			return nil, false
		}
		ends = append(ends, end)
	}
	return ends, true
}

// infer finds what an expression gives of elements of some shape.
func (d *defining) infer(n fhir.Node, expression string, focus fhirpath.Shape) (end fhirpath.Shape, ok bool) {
	compiled, err := fhirpath.Compile(expression)
	if err == nil {
		end, err = compiled.Infer(d.c.defs, focus)
	}
	if err != nil {
		d.refuse(n, fault.CodeValue, "the expression is not right: %v", err)
	}
	return end, err == nil
}

// parts checks the components of a composite that is about some elements.
func (d *defining) parts(typeName string, focus []fhirpath.Shape) bool {
	for i, part := range d.Components {
		at, url := d.component(i).Child("definition"), part.Definition
		def := d.c.defs.SearchParameterByURL(url)
		if def == nil {
			remedy := "store it before what is composed of it"
			if d.root.IsZero() {
				remedy = "load the package that has it; if none has, the definition is wrong"
			}
			d.refuse(at, fault.CodeNotFound, "the search parameter %s is not known here: %s", fault.Shorten(url), remedy)
			return false
		}
		if def.Type == definitions.SearchComposite || def.Type == definitions.SearchSpecial {
			d.refuse(at, fault.CodeBusinessRule, "%s is of type %s, of which nothing can be composed", url, def.Type)
			return false
		}
		n, expression := d.component(i).Child("expression"), part.Expression
		if !d.sized(n, expression) {
			return false
		}
		var r rules
		if err := d.c.compileInto(&r, typeName, expression, sink{param: &parameter{}}); err != nil {
			d.refuse(n, fault.CodeValue, "%v", err)
			return false
		}
		var ends []fhirpath.Shape
		for _, f := range focus {
			end, ok := d.infer(n, expression, f)
			if !ok {
				return false
			}
			ends = append(ends, end)
		}
		if !d.suits(n, def.Type, ends) {
			return false
		}
	}
	return true
}

// component is where the component with a number stands; none where the
// definition is of a package.
func (d *defining) component(i int) fhir.Node {
	for part := range d.root.All("component") {
		if i--; i < 0 {
			return part
		}
	}
	return fhir.Node{}
}

// suits refuses elements none of which has values for a type of parameter.
func (d *defining) suits(n fhir.Node, kind definitions.SearchType, ends []fhirpath.Shape) bool {
	var name string
	for _, end := range ends {
		types, known := end.Elements()
		if !known || slices.ContainsFunc(types, func(t *definitions.Type) bool { return gives(t, kind) }) {
			return true
		}
		if len(types) > 0 {
			name = types[0].Name
		}
	}
	if name == "" {
		d.refuse(n, fault.CodeValue, "the expression selects nothing")
	} else {
		d.refuse(n, fault.CodeValue, "the expression ends in elements of type %s, which have nothing for a parameter of type %s", name, kind)
	}
	return false
}

// elementTypes are the data types besides the primitive ones whose values
// parameters of a type take (R4 §3.1.1.4.3).
var elementTypes = map[definitions.SearchType][]string{
	definitions.SearchToken:     {"CodeableConcept", "Coding", "Identifier", "ContactPoint", "CodeableReference", "Money", "Quantity"},
	definitions.SearchString:    {"HumanName", "Address", "CodeableConcept", "CodeableReference", "Coding", "Reference", "Identifier", "ContactPoint", "Annotation"},
	definitions.SearchDate:      {"Period", "Timing"},
	definitions.SearchNumber:    {"Range", "Quantity"},
	definitions.SearchQuantity:  {"Quantity", "Money", "Range", "SampledData"},
	definitions.SearchReference: {"Reference", "CodeableReference"},
}

// gives says whether elements of a type have values for a type of parameter.
func gives(t *definitions.Type, kind definitions.SearchType) bool {
	if t.Kind == definitions.Primitive {
		return kind != definitions.SearchDate || slices.Contains([]string{"date", "dateTime", "instant", "string"}, t.Name)
	}
	return t.Name == "Extension" || t.Kind == definitions.Resource && kind == definitions.SearchReference ||
		slices.ContainsFunc(elementTypes[kind], t.Is)
}
