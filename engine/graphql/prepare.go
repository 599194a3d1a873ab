package graphql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/inglehealth/ingle/spec/fault"
)

// prepare understands the arguments and directives of a field.
func (d *document) prepare(on *named, def *field, f *ast.Field) (*planned, error) {
	p := &planned{field: def, key: f.Alias, at: f.Position}
	var err error
	if p.shaping, err = d.shaping(f.Directives); err != nil {
		return nil, err
	}
	if p.arguments, err = d.arguments(f.Arguments); err != nil {
		return nil, err
	}
	if def.typ.of.kind == object || def.typ.of.kind == abstract {
		if len(f.SelectionSet) == 0 {
			return nil, failure(invalid(f.Position, nil, fault.CodeRequired, "%s is a %s: say which of its fields you want, as in %s { %s }",
				f.Name, def.typ.of.name, f.Name, def.typ.of.fields()[0].name))
		}
		p.sub = &selection{sets: []ast.SelectionSet{f.SelectionSet}}
	} else {
		switch {
		case len(f.SelectionSet) > 0:
			return nil, failure(invalid(f.Position, nil, fault.CodeStructure, "%s is a single value (%s), which has no fields", f.Name, def.typ.of.name))
		case p.flatten:
			return nil, failure(invalid(f.Position, nil, fault.CodeStructure, "@flatten on %s means nothing: it is a single value", f.Name))
		}
	}
	p.identity = p.identify(f)
	return p, d.understand(on, p)
}

func (p *planned) identify(f *ast.Field) string {
	parts := []string{p.name}
	for _, a := range p.arguments {
		parts = append(parts, a.name+": "+a.String())
	}
	slices.Sort(parts[1:])
	parts = append(parts, fmt.Sprint(p.first, p.singleton, p.flatten, p.byIndex))
	if p.slice != nil {
		parts = append(parts, p.slice.String())
	}
	return strings.Join(parts, "\n")
}

// understand reads the arguments as what the field is made of needs them.
func (d *document) understand(on *named, p *planned) error {
	switch p.source {
	case fromElement:
		return d.readElementFilter(p)
	case fromReference:
		return readReferenceArguments(on.schema, p)
	case fromRead:
		if err := p.accepts("id"); err != nil {
			return err
		}
		if p.arguments.text("id") == "" {
			return failure(invalid(p.at, nil, fault.CodeRequired, `%s needs the argument id, as in %s(id: "123")`, p.name, p.name))
		}
	case fromList, fromConnection:
		return d.readLookup(on, p)
	case fromSchema:
		if p.first || p.singleton || p.flatten || p.byIndex || p.slice != nil {
			return failure(invalid(p.at, nil, fault.CodeNotSupported, "FHIR's directives have no meaning on %s", p.name))
		}
		if p.name == "__type" && p.arguments.text("name") == "" {
			return failure(invalid(p.at, nil, fault.CodeRequired, `__type needs the argument name, as in __type(name: "Patient")`))
		}
		return p.takes(p.listed())
	default:
		return p.takes(nil)
	}
	return nil
}

// takes refuses arguments beyond those listed.
func (p *planned) takes(list []*argument) error {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.name
	}
	return p.accepts(names...)
}

func (p *planned) accepts(names ...string) error {
	for _, a := range p.arguments {
		if !slices.Contains(names, a.name) {
			return p.noArgument(a, names)
		}
	}
	return nil
}

// noArgument says what arguments there are.
func (p *planned) noArgument(a given, names []string) error {
	message := fmt.Sprintf("%s has no argument %q", p.name, fault.Shorten(a.name))
	switch near := fault.Nearest(a.name, names); {
	case near != "":
		message += fmt.Sprintf("; did you mean %s?", near)
	case len(names) > 0:
		message += "; it has: " + strings.Join(names, ", ")
	}
	return failure(invalid(a.at, nil, fault.CodeNotSupported, "%s", message))
}

func readReferenceArguments(s *Schema, p *planned) error {
	if err := p.accepts("optional", "type"); err != nil {
		return err
	}
	for _, a := range p.arguments {
		if a.name == "optional" {
			if a.kind != booleanKind {
				return failure(invalid(a.at, nil, fault.CodeValue, "optional is true or false, not %s", fault.Shorten(a.String())))
			}
			p.optional = a.text == "true"
			continue
		}
		types, ok := a.texts()
		if !ok {
			return failure(invalid(a.at, nil, fault.CodeValue, "type is a resource type, or a list of them"))
		}
		for _, t := range types {
			if !s.defs.IsResource(t) {
				return failure(invalid(a.at, nil, fault.CodeValue, "%q is not a resource type%s", fault.Shorten(t), suggest(t, s.defs.ResourceTypes())))
			}
		}
		p.only = types
	}
	return nil
}

func suggest(name string, candidates []string) string {
	if near := fault.Nearest(name, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
