package validate

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// elementID is the id of an element in the resource that it is unique in.
type elementID struct {
	resource fhir.Node
	id       string
}

// identity checks n, the id of an element: it has no spaces and is unique within
// its resource, to which what is contained in it belongs. The elements of a
// StructureDefinition have ids by their paths, of which snapshot and differential
// each have one (sdf-16, sdf-17). R4 §2.27.1 Element.
func (r *run) identity(n fhir.Node) {
	id := n.Text()
	if strings.ContainsAny(id, " \t\r\n") {
		r.add(fault.ErrorLevel, fault.CodeValue, n, "is the id of an element, which has no spaces")
	}
	element := n.Parent()
	if id == "" || element.Type().Name == "ElementDefinition" {
		return
	}
	resource := element.Parent()
	for !resource.Parent().IsZero() && (!resource.IsResource() || resource.Name() == "contained") {
		resource = resource.Parent()
	}
	key := elementID{resource, id}
	if first, taken := r.elements[key]; taken {
		r.add(fault.ErrorLevel, fault.CodeDuplicate, n, fmt.Sprintf("%q is the id of %s, too: each element needs an id of its own within its resource", fault.Shorten(id), first.Path()))
		return
	}
	if r.elements == nil {
		r.elements = map[elementID]fhir.Node{}
	}
	r.elements[key] = element
}
