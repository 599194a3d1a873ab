package graphql

import (
	"github.com/inglehealth/ingle/spec/definitions"
)

// fhirFields are the fields of a type of FHIR: its elements as JSON names
// them, for primitives also their id and extensions (_birthDate).
func (s *Schema) fhirFields(n *named) []*field {
	var out []*field
	isResource := n.fhir.Kind == definitions.Resource
	if isResource {
		out = append(out, &field{name: "resourceType", doc: "The type of the resource.", typ: typeRef{of: s.types["code"]}, source: fromResourceType})
	}
	for _, p := range n.fhir.Properties() {
		t := typeRef{of: s.byType[p.Type], list: p.Element.Repeats()}
		f := &field{name: p.Name, doc: p.Element.Path, typ: t, source: fromElement, property: p}
		out = append(out, f)
		if p.Type.Kind == definitions.Primitive {
			out = append(out, &field{
				name: "_" + p.Name, doc: "Id and extensions of " + p.Element.Path, property: p, source: fromExtensions,
				typ: typeRef{of: s.element, list: t.list},
			})
		} else if t.list {
			f.arguments = func() []*argument { return s.listArguments(p.Type) }
		}
	}
	if n.fhir.Is("Reference") {
		out = append(out, &field{
			name: "resource", doc: "The resource that the reference points to.", typ: typeRef{of: s.resource}, source: fromReference,
			arguments: func() []*argument {
				return []*argument{
					{name: "optional", doc: "No error when the resource is not there.", typ: typeRef{of: s.types["Boolean"]}},
					{name: "type", doc: "Only when it is of one of these types.", typ: typeRef{of: s.types["code"], list: true}},
				}
			},
		})
	}
	if isResource && n.kind == object {
		out = append(out, s.reverseFields(n)...)
	}
	return out
}

// listArguments select among the values of a repeating element.
func (s *Schema) listArguments(t *definitions.Type) []*argument {
	out := []*argument{
		{name: "fhirpath", doc: "A criterion in FHIRPath.", typ: typeRef{of: s.types["String"]}},
		{name: "_offset", doc: "How many to leave out at the start.", typ: typeRef{of: s.types["Int"]}},
		{name: "_count", doc: "How many to give.", typ: typeRef{of: s.types["Int"]}},
	}
	for _, p := range t.Properties() {
		// Any primitive is taken; a choice has too many to list, and an id says little.
		if p.Type.Kind == definitions.Primitive && !p.Element.Choice && p.Name != "id" && p.Name != "div" {
			out = append(out, &argument{name: p.Name, typ: typeRef{of: s.byType[p.Type], list: true}})
		}
	}
	return out
}
