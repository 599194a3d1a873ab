// Package mask takes elements out of resources so that what is left is valid.
package mask

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Path names an element of a resource type, as FHIRPath does: Patient.address,
// Observation.value.
type Path string

// cut splits a path into type and elements.
func (p Path) cut() (typeName string, elements []string) {
	typeName, rest, _ := strings.Cut(string(p), ".")
	return typeName, strings.Split(rest, ".")
}

// Type is the resource type whose element the path names.
func (p Path) Type() string {
	t, _ := p.cut()
	return t
}

// In says whether the path names what another one does, or something in it.
func (p Path) In(other Path) bool {
	return p == other || strings.HasPrefix(string(p), string(other)+".")
}

// kept are elements by which a resource is found, which stay.
var kept = []string{"id", "meta", "implicitRules", "contained", "resourceType"}

// Unmaskable are types that the server itself reads, or whose content is not made of
// elements: they are not masked.
var Unmaskable = []string{"Binary", "Bundle", "CodeSystem", "ConceptMap", "Parameters", "SearchParameter", "StructureDefinition", "ValueSet", "ViewDefinition"}

// Check says what is wrong with a path, in all of some releases, as a *fault.Error.
func (p Path) Check(releases ...*definitions.Definitions) error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Unprocessable, fault.CodeValue, "", "%q: "+format, append([]any{string(p)}, args...)...)
	}
	typeName, elements := p.cut()
	if slices.Contains(Unmaskable, typeName) {
		return wrong("elements of %s cannot be masked", typeName)
	}
	if slices.Contains(kept, elements[0]) {
		return wrong("%s cannot be masked", elements[0])
	}
	for _, d := range releases {
		if d.IsResource(typeName) && has(d.Type(typeName), elements) {
			return nil
		}
	}
	return wrong("there is no such element: name it by type and elements, as in Patient.address or Observation.value")
}

func has(t *definitions.Type, elements []string) bool {
	e := t.Element(elements[0])
	if e == nil {
		return false
	}
	return len(elements) == 1 || slices.ContainsFunc(e.Types, func(r definitions.TypeRef) bool { return has(r.Type, elements[1:]) })
}
