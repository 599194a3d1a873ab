package patch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// readPatchValue takes the value out of a part called "value": its value[x],
// its resource, or, for an element whose type has no name, further parts that
// are the elements of want (R4 §2.1.21).
func readPatchValue(d *definitions.Definitions, want *definitions.Type, part fhir.Node) (fhir.Node, error) {
	if v := part.Child("value"); !v.IsZero() {
		return v, nil
	}
	if r := part.Child("resource"); !r.IsZero() {
		return r, nil
	}
	if part.Child("part").IsZero() {
		return fhir.Node{}, errors.New("the value has neither a value, a resource nor parts")
	}
	if want.Kind == definitions.Primitive || want.Kind == definitions.Resource {
		return fhir.Node{}, fmt.Errorf("the value is given in parts, but %s has none", want.Name)
	}
	t, err := fhir.NewValue(d, want.Name)
	if err != nil {
		return fhir.Node{}, err
	}
	for p := range part.All("part") {
		if err := addValue(t.Root(), p.Child("name").Text(), p); err != nil {
			return fhir.Node{}, err
		}
	}
	return t.Root(), nil
}

// addValue puts the value of part into n as a further child called name, which
// is an element's name; of a choice the value's type tells the property.
func addValue(n fhir.Node, name string, part fhir.Node) error {
	element := n.Type().Element(strings.TrimSuffix(name, "[x]"))
	property := name
	if element != nil && element.Choice {
		v := part.Child("value")
		if v.IsZero() {
			return fmt.Errorf("%s can be of several types, so it needs a value[x] that tells which", element.Path)
		}
		property = element.Name + strings.TrimPrefix(v.PropertyName(), "value")
	}
	p, ok := n.Type().Property(property)
	if !ok {
		if element != nil {
			return fmt.Errorf("%s cannot be of the type of %s", element.Path, property)
		}
		return fmt.Errorf("%s has no element %q", n.Type().Name, fault.Shorten(name))
	}
	v, err := readPatchValue(n.Tree().Definitions(), p.Type, part)
	if err != nil {
		return err
	}
	_, err = n.Graft(property, v)
	return err
}
