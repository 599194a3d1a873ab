package graphql

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fault"
)

// directiveType is a directive as introspection describes it.
type directiveType struct {
	name, doc string
	places    []string
	arguments []*argument
}

func (s *Schema) directives() []*directiveType {
	anywhere, field := []string{"FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"}, []string{"FIELD"}
	condition := []*argument{{name: "if", typ: typeRef{of: s.types["Boolean"], required: true}}}
	return []*directiveType{
		{"include", "Only when the argument is true.", anywhere, condition},
		{"skip", "Not when the argument is true.", anywhere, condition},
		{"first", "Only the first value.", field, nil},
		{"singleton", "A single value in place of a list.", field, nil},
		{"flatten", "Its fields stand in its place.", field, nil},
		{"slice", "The result of a FHIRPath expression is appended to its name.", field, []*argument{
			{name: "path", doc: "FHIRPath, or $index.", typ: typeRef{of: s.types["String"], required: true}},
		}},
	}
}

// shaping is what FHIR's directives on a field ask for (Data Flattening
// Directives).
type shaping struct {
	first, singleton, flatten bool
	slice                     *fhirpath.Expression
	byIndex                   bool // @slice(path: "$index")
}

// wanted evaluates @include and @skip.
func (d *document) wanted(list ast.DirectiveList) (bool, error) {
	for _, directive := range list {
		if directive.Name != "include" && directive.Name != "skip" {
			continue
		}
		a, err := d.arguments(directive.Arguments)
		if err != nil {
			return false, err
		}
		condition, ok := a.get("if")
		if !ok || condition.kind != booleanKind || len(a) != 1 {
			return false, failure(invalid(directive.Position, nil, fault.CodeValue, "@%s needs the argument if, which is true or false", directive.Name))
		}
		if (condition.text == "true") != (directive.Name == "include") {
			return false, nil
		}
	}
	return true, nil
}

// onlyConditions refuses directives of a fragment other than @include and
// @skip.
func onlyConditions(list ast.DirectiveList) error {
	for _, directive := range list {
		if directive.Name != "include" && directive.Name != "skip" {
			return failure(invalid(directive.Position, nil, fault.CodeNotSupported, "a fragment takes @include and @skip only, not @%s", fault.Shorten(directive.Name)))
		}
	}
	return nil
}

// shaping reads the directives of a field.
func (d *document) shaping(list ast.DirectiveList) (s shaping, err error) {
	seen := map[string]bool{}
	for _, directive := range list {
		if seen[directive.Name] {
			return s, failure(invalid(directive.Position, nil, fault.CodeDuplicate, "the directive @%s is given twice", fault.Shorten(directive.Name)))
		}
		seen[directive.Name] = true
		if directive.Name == "slice" {
			if err := d.slice(&s, directive); err != nil {
				return s, err
			}
			continue
		}
		switch directive.Name {
		case "include", "skip":
			continue // wanted has read them
		case "first":
			s.first = true
		case "singleton":
			s.singleton = true
		case "flatten":
			s.flatten = true
		default:
			return s, failure(invalid(directive.Position, nil, fault.CodeNotSupported,
				"there is no directive @%s here; there are @include, @skip, @first, @singleton, @flatten and @slice", fault.Shorten(directive.Name)))
		}
		if len(directive.Arguments) > 0 {
			return s, failure(invalid(directive.Position, nil, fault.CodeNotSupported, "@%s takes no arguments", directive.Name))
		}
	}
	return s, nil
}

func (d *document) slice(s *shaping, directive *ast.Directive) error {
	a, err := d.arguments(directive.Arguments)
	if err != nil {
		return err
	}
	if len(a) != 1 || a[0].name != "path" && a[0].name != "fhirpath" || a[0].kind != stringKind {
		return failure(invalid(directive.Position, nil, fault.CodeValue, `@slice needs the argument path: FHIRPath, as in @slice(path: "use"), or "$index"`))
	}
	if s.byIndex = strings.TrimSpace(a[0].text) == "$index"; s.byIndex {
		return nil
	}
	s.slice, err = d.compile(a[0].text, directive.Position)
	return err
}

// compile compiles FHIRPath, each text once: a field may be looked at for every
// type that can stand in its place.
func (d *document) compile(source string, at *ast.Position) (*fhirpath.Expression, error) {
	known, ok := d.compiled[source]
	if !ok {
		known.expression, known.err = fhirpath.Compile(source)
		d.compiled[source] = known
	}
	x, err := known.expression, known.err
	if err != nil {
		return nil, failure(invalid(at, nil, fault.CodeInvalid, "the FHIRPath expression %q cannot be read: %v", fault.Shorten(source), err))
	}
	return x, nil
}
