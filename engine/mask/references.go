package mask

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// naming are elements of which the display of a reference to a resource is made.
var naming = strings.Fields("alias class code description deviceName identifier medication name title type vaccineCode")

// borrowing are types that have no name of their own: references to them tell that of
// resources of others.
var borrowing = map[string][]string{"PractitionerRole": {"Organization", "Practitioner"}}

// Referring says whether what hides an element that paths name hides parts of references
// as well, which resources of any type have.
func Referring(paths []Path) bool { return len(told(paths)["display"]) > 0 }

// told are the types of which references tell what paths name, by the element of the
// Reference that does.
func told(paths []Path) map[string][]string {
	types := map[string][]string{}
	add := func(part, typeName string) {
		if !slices.Contains(types[part], typeName) {
			types[part] = append(types[part], typeName)
		}
	}
	for _, p := range paths {
		typeName, elements := p.cut()
		if !slices.Contains(naming, elements[0]) {
			continue
		}
		add("display", typeName)
		for borrower, from := range borrowing {
			if slices.Contains(from, typeName) {
				add("display", borrower)
			}
		}
		if elements[0] == "identifier" {
			add("identifier", typeName)
		}
	}
	return types
}

// Tells says whether a search for references by a parameter tells what paths name: by their
// display, or by their identifier. When in doubt it does: only what a release says that its
// parameters refer to is sure.
func Tells(d *definitions.Definitions, typeName, code, part string, paths []Path) bool {
	types := told(paths)[part]
	if len(types) == 0 {
		return false
	}
	p := d.SearchParameter(typeName, code)
	return p == nil || !p.OfRelease() || meets(p.Targets, types)
}

// meets says whether a reference that may be to some types may be to one of others.
func meets(targets, types []string) bool {
	return len(targets) == 0 || slices.ContainsFunc(targets, func(t string) bool { return t == "Resource" || slices.Contains(types, t) })
}

// telling are the parts of the references in a resource that tell what paths name.
func telling(t *fhir.Tree, paths []Path) (parts []fhir.Node) {
	types := told(paths)
	if len(types) == 0 {
		return nil
	}
	for n := range t.Root().Descendants() {
		if !n.Type().Is("Reference") {
			continue
		}
		for _, part := range []string{"display", "identifier"} {
			if c := n.Child(part); !c.IsZero() && mayBeTo(n, types[part]) {
				parts = append(parts, c)
			}
		}
	}
	return parts
}

// mayBeTo says whether a Reference is to a resource of one of types, as far as it says that
// itself; when it does not, whether its element may.
func mayBeTo(n fhir.Node, types []string) bool {
	if len(types) == 0 {
		return false
	}
	d := n.Tree().Definitions()
	_, declared, ok := strings.Cut(n.Child("type").Text(), "http://hl7.org/fhir/StructureDefinition/")
	if !ok {
		declared = n.Child("type").Text()
	}
	literal := n.Child("reference").Text()
	named := fhir.ReferredType(literal)
	if id, inside := strings.CutPrefix(literal, "#"); inside {
		named = containedType(n, id)
	}
	switch {
	case slices.Contains(types, declared), slices.Contains(types, named):
		return true
	case d.IsResource(named), d.IsResource(declared):
		return false
	}
	for _, ref := range n.Element().Types {
		if ref.Type == n.Type() {
			return meets(ref.Targets, types)
		}
	}
	return true
}

// containedType is the type of what #id means at n; "" when there is nothing.
func containedType(n fhir.Node, id string) string {
	for !n.IsResource() || n.Name() == "contained" {
		n = n.Parent()
	}
	if id == "" {
		return n.Type().Name
	}
	for c := range n.All("contained") {
		if c.Child("id").Text() == id {
			return c.Type().Name
		}
	}
	return ""
}

// hideReferences masks the parts of references that tell what paths name. It says whether
// there were any.
func hideReferences(t *fhir.Tree, paths []Path, keep bool) (bool, error) {
	parts := telling(t, paths)
	for _, part := range parts {
		n := part.Parent()
		if err := withhold(n, []fhir.Node{part}, keep); err != nil {
			return false, err
		}
		if n.FirstChild().IsZero() {
			if err := withhold(n.Parent(), []fhir.Node{n}, keep); err != nil {
				return false, err
			}
		}
	}
	return len(parts) > 0, nil
}
