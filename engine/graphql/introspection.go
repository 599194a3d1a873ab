package graphql

import (
	"maps"
	"slices"
)

// introspection makes the types that describe the schema
// (spec.graphql.org/October2021 §4).
func (s *Schema) introspection() []*named {
	kinds := &named{kind: enum, name: "__TypeKind", values: []string{"SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT", "LIST", "NON_NULL"}}
	places := &named{kind: enum, name: "__DirectiveLocation", values: []string{"FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"}}
	text, truth := s.types["String"], s.types["Boolean"]
	schema, typ := &named{kind: object, name: "__Schema"}, &named{kind: object, name: "__Type"}
	fields, input := &named{kind: object, name: "__Field"}, &named{kind: object, name: "__InputValue"}
	values, directive := &named{kind: object, name: "__EnumValue"}, &named{kind: object, name: "__Directive"}
	deprecated := func() []*argument { return []*argument{{name: "includeDeprecated", typ: typeRef{of: truth}}} }

	schema.make = func() []*field {
		return []*field{
			about("description", one(text), func(v *view) any { return "FHIR " + string(v.schema.defs.Release) }),
			about("types", many(typ), func(v *view) any { return v.schema.allTypes() }),
			about("queryType", one(typ), func(v *view) any { return typeRef{of: v.root} }),
			about("mutationType", one(typ), func(*view) any { return nil }),
			about("subscriptionType", one(typ), func(*view) any { return nil }),
			about("directives", many(directive), func(*view) any { return list(s.directives()) }),
		}
	}
	typ.make = func() []*field {
		return []*field{
			about("kind", one(kinds), func(t typeRef) any { return t.kind() }),
			about("name", one(text), func(t typeRef) any { return t.name() }),
			about("description", one(text), func(t typeRef) any { return t.description() }),
			about("specifiedByURL", one(text), func(t typeRef) any { return t.specifiedBy() }),
			about("fields", many(fields), func(t typeRef) any { return t.fields() }).taking(deprecated),
			about("interfaces", many(typ), func(t typeRef) any { return t.interfaces() }),
			about("possibleTypes", many(typ), func(t typeRef) any { return t.possible() }),
			about("enumValues", many(values), func(t typeRef) any { return t.values() }).taking(deprecated),
			about("inputFields", many(input), func(typeRef) any { return nil }).taking(deprecated),
			about("ofType", one(typ), func(t typeRef) any { return t.inner() }),
			about("isOneOf", one(truth), func(typeRef) any { return nil }),
		}
	}
	fields.make = func() []*field {
		return append(described(text, func(f *field) (string, string) { return f.name, f.doc }),
			about("args", many(input), func(f *field) any { return list(f.listed()) }).taking(deprecated),
			about("type", one(typ), func(f *field) any { return f.typ }),
			about("isDeprecated", one(truth), func(*field) any { return false }),
			about("deprecationReason", one(text), func(*field) any { return nil }))
	}
	input.make = func() []*field {
		return append(described(text, func(a *argument) (string, string) { return a.name, a.doc }),
			about("type", one(typ), func(a *argument) any { return a.typ }),
			about("defaultValue", one(text), func(*argument) any { return nil }),
			about("isDeprecated", one(truth), func(*argument) any { return false }),
			about("deprecationReason", one(text), func(*argument) any { return nil }))
	}
	values.make = func() []*field {
		return append(described(text, func(v string) (string, string) { return v, "" }),
			about("isDeprecated", one(truth), func(string) any { return false }),
			about("deprecationReason", one(text), func(string) any { return nil }))
	}
	directive.make = func() []*field {
		return append(described(text, func(d *directiveType) (string, string) { return d.name, d.doc }),
			about("locations", many(places), func(d *directiveType) any { return list(d.places) }),
			about("args", many(input), func(d *directiveType) any { return list(d.arguments) }).taking(deprecated),
			about("isRepeatable", one(truth), func(*directiveType) any { return false }))
	}
	return []*named{kinds, places, schema, typ, fields, input, values, directive}
}

func one(t *named) typeRef  { return typeRef{of: t} }
func many(t *named) typeRef { return typeRef{of: t, list: true} }

// about is a field of introspection over a focus of type T.
func about[T any](name string, typ typeRef, get func(T) any) *field {
	return &field{name: name, typ: typ, source: fromSchema, get: func(focus any, _ arguments) any { return get(focus.(T)) }}
}

// described are the name and description of a thing.
func described[T any](text *named, of func(T) (name, doc string)) []*field {
	return []*field{
		about("name", one(text), func(v T) any { name, _ := of(v); return name }),
		about("description", one(text), func(v T) any { _, doc := of(v); return orNull(doc) }),
	}
}

func (f *field) taking(arguments func() []*argument) *field {
	f.arguments = arguments
	return f
}

func (f *field) listed() []*argument {
	if f.arguments == nil {
		return nil
	}
	return f.arguments()
}

// view is the schema as seen from the root of a query.
type view struct {
	schema *Schema
	root   *named
}

// rootField are the fields that only the root of a query has besides those of
// its type.
func (s *Schema) rootField(root *named, name string) *field {
	switch name {
	case "__schema":
		return &field{
			name: name, typ: typeRef{of: s.types["__Schema"], required: true}, source: fromSchema,
			get: func(any, arguments) any { return &view{s, root} },
		}
	case "__type":
		return &field{
			name: name, typ: typeRef{of: s.types["__Type"]}, source: fromSchema,
			arguments: func() []*argument {
				return []*argument{{name: "name", typ: typeRef{of: s.types["String"], required: true}}}
			},
			get: func(_ any, a arguments) any {
				if t := s.types[a.text("name")]; t != nil {
					return typeRef{of: t}
				}
				return nil
			},
		}
	}
	return nil
}

func (s *Schema) allTypes() []any {
	var out []any
	for _, name := range slices.Sorted(maps.Keys(s.types)) {
		out = append(out, typeRef{of: s.types[name]})
	}
	return out
}

// list makes a list of introspection; it is never null.
func list[T any](items []T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
