package fhir

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func unknownResource(d *definitions.Definitions, name string) string {
	return fmt.Sprintf("there is no resource type %q in %s%s", fault.Shorten(name), d.Release, suggestion(name, d.ResourceTypes()))
}

func unknownElement(t *definitions.Type, name string) string {
	s := suggestion(strings.TrimPrefix(name, "_"), propertyNames(t))
	if e := t.Element(name); e != nil && e.Choice && s == "" {
		s = "; name its type too, as in " + name + upperFirst(e.Types[0].Code)
	}
	return fmt.Sprintf("%s has no element %q%s", t.Name, fault.Shorten(name), s)
}

// propertyNames are the JSON names of a type's elements.
func propertyNames(t *definitions.Type) []string {
	var names []string
	for _, e := range t.Elements {
		if !e.Choice {
			names = append(names, e.Name)
			continue
		}
		for _, ref := range e.Types {
			names = append(names, e.Name+upperFirst(ref.Code))
		}
	}
	return names
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// suggestion is "; did you mean ...?" for the nearest of names, or "".
func suggestion(name string, names []string) string {
	if near := fault.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
