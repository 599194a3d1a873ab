package validate

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// discriminators checks of a profile that the elements by which slices are told apart are
// there. What functions, choices and contained resources lead to is not followed (R4
// Profiling, Discriminator).
func (r *run) discriminators(n fhir.Node) {
	constrained := r.v.definitions.Type(n.Child("type").Text())
	if constrained == nil || n.Child("derivation").Text() != "constraint" {
		return
	}
	for _, view := range [...]string{"differential", "snapshot"} {
		for e := range n.Child(view).All("element") {
			slicing := e.Child("slicing")
			if slicing.IsZero() {
				continue
			}
			_, path, _ := strings.Cut(e.Child("path").Text(), ".")
			sliced, missing := walkDown(constrained, path)
			if sliced == nil || missing != "" {
				continue
			}
			for d := range slicing.All("discriminator") {
				path, _, function := strings.Cut(d.Child("path").Text(), "(")
				if function { // the name of the function goes, too
					path = path[:max(0, strings.LastIndexByte(path, '.'))]
				}
				if _, missing := walkDown(sliced, path); missing != "" {
					r.add(fault.ErrorLevel, fault.CodeValue, d.Child("path"), fmt.Sprintf("slices of %s cannot be told apart by this: %s", e.Child("path").Text(), missing))
				}
			}
		}
	}
}

// walkDown follows names of elements, with dots between them, from a type to another; nil
// where several are possible. missing says which element is not there.
func walkDown(t *definitions.Type, path string) (_ *definitions.Type, missing string) {
	for name := range strings.SplitSeq(path, ".") {
		name = strings.TrimSuffix(name, "[x]")
		if name == "" || name == "$this" {
			continue
		}
		if t.Kind == definitions.Primitive || t.Is("Resource") && t.Abstract {
			return nil, ""
		}
		if e := t.Element(name); e != nil {
			if len(e.Types) != 1 {
				return nil, ""
			}
			t = e.Types[0].Type
		} else if p, ok := t.Property(name); ok {
			t = p.Type
		} else {
			return t, fmt.Sprintf("%s has no element %s", t.Name, fault.Shorten(name))
		}
	}
	return t, ""
}
