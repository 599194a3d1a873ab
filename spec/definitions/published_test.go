package definitions

import (
	"fmt"
	"slices"
	"testing"
)

func TestTheEmbeddedReleasesAreThePublishedOnes(t *testing.T) {
	for r, name := range map[Release]string{
		R4:  "hl7.fhir.r4.core-4.0.1.tgz",
		R4B: "hl7.fhir.r4b.core-4.3.0.assembled.tgz",
	} {
		built, published := MustBuiltIn(r), loadFile(t, name, nil)
		if !slices.Equal(built.ResourceTypes(), published.ResourceTypes()) {
			t.Errorf("%s: resource types differ", r)
		}
		for name, want := range published.types {
			got := built.types[name]
			if got == nil {
				if want.Kind != Logical && (want.Kind != Backbone || built.types[root(name)] != nil) {
					t.Errorf("%s: no type %s", r, name)
				}
				continue
			}
			if a, b := describe(got), describe(want); a != b {
				t.Errorf("%s: %s is\n%s\nwant\n%s", r, name, a, b)
			}
		}
		for _, res := range published.ResourceTypes() {
			for _, p := range built.SearchParameters(res) {
				q := published.SearchParameter(res, p.Code)
				if q == nil || q.Type != p.Type || !slices.Equal(q.Targets, p.Targets) {
					t.Errorf("%s: %s %s differs", r, res, p.Code)
				}
			}
		}
	}
}

func root(path string) string {
	for i := range path {
		if path[i] == '.' {
			return path[:i]
		}
	}
	return path
}

// describe writes all that a type says.
func describe(t *Type) string {
	s := fmt.Sprintln(t.Name, t.URL, t.Kind, t.Abstract, t.Regex)
	if t.Base != nil {
		s += fmt.Sprintln("base", t.Base.Name)
	}
	for _, i := range t.Invariants {
		s += fmt.Sprintln(*i)
	}
	for _, e := range t.Elements {
		s += fmt.Sprintln(e.Path, e.Name, e.Min, e.Max, e.Choice, e.Summary, e.Modifier, e.Attribute, e.XHTML, e.Order)
		for _, ref := range e.Types {
			s += fmt.Sprintln("  type", ref.Code, ref.Targets, ref.Profiles)
		}
		if e.Binding != nil {
			s += fmt.Sprintln("  binding", *e.Binding)
		}
		for _, i := range e.Invariants {
			s += fmt.Sprintln("  invariant", *i)
		}
	}
	return s
}
