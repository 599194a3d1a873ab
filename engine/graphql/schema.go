package graphql

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// Schema is the GraphQL schema of a FHIR release. The fields of a type are
// made when they are first asked for. It is safe for concurrent use.
type Schema struct {
	defs    *definitions.Definitions
	catalog *search.Catalog

	types     map[string]*named // by GraphQL name
	byType    map[*definitions.Type]*named
	resources []*named // the concrete ones, sorted
	resource  *named   // the interface
	element   *named   // what is left of a primitive without its value
	query     *named   // the root of a query to the whole system
	filters   bool     // searches take _filter

	pointing  func() map[string][]*named
	searching sync.Map // resource type → []*argument
}

// typeKind is __TypeKind.
type typeKind uint8

const (
	scalar typeKind = iota
	object
	abstract // an interface
	enum
)

// named is a type of the schema.
type named struct {
	schema   *Schema
	kind     typeKind
	name     string
	doc      string
	fhir     *definitions.Type // nil for what is no FHIR type
	possible []*named          // of an interface: the concrete types
	above    []*named          // interfaces of an object
	values   []string          // of an enum

	make func() []*field
	once sync.Once
	list []*field
	by   map[string]*field
}

// field is a field of a type.
type field struct {
	name, doc string
	typ       typeRef
	source    source
	property  *definitions.Property // of fromElement and fromExtensions
	child     *named                // resource type of a search or read
	arguments func() []*argument    // those that introspection lists; nil for none
	get       func(focus any, a arguments) any
}

// source says where the value of a field comes from.
type source uint8

const (
	fromElement      source = iota
	fromExtensions          // _birthDate: id and extensions of a primitive
	fromTypename            // __typename
	fromResourceType        // resourceType
	fromReference           // resource of a Reference
	fromRead                // Patient(id: ...)
	fromList                // PatientList(...)
	fromConnection          // PatientConnection(...)
	fromValue               // get
	fromSchema              // get, of introspection
)

// argument is an argument of a field or directive.
type argument struct {
	name, doc string
	typ       typeRef
	code      string // of the search parameter, for those that are one
}

// NewSchema makes the schema of what a catalog of search parameters was made
// of. It fails when two types of FHIR have one name in GraphQL.
func NewSchema(catalog *search.Catalog) (*Schema, error) {
	s := &Schema{
		defs: catalog.Definitions(), catalog: catalog,
		types: map[string]*named{}, byType: map[*definitions.Type]*named{},
	}
	for _, name := range []string{"Boolean", "Int", "Float", "String", "ID"} {
		s.add(&named{kind: scalar, name: name})
	}
	for _, name := range []string{"Resource", "DomainResource", "Element"} {
		if t := s.defs.Type(name); t != nil {
			if err := s.reach(t); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range s.defs.ResourceTypes() {
		if err := s.reach(s.defs.Type(name)); err != nil {
			return nil, err
		}
		s.resources = append(s.resources, s.types[name])
	}
	s.resource, s.element = s.types["Resource"], s.types["Element"]
	for _, kind := range searchKinds {
		if s.types[string(kind)] == nil && kind != definitions.SearchString {
			s.add(&named{kind: scalar, name: string(kind), doc: "The value of a search parameter of this type, as in a URL."})
		}
	}
	for _, r := range s.resources {
		for _, t := range []*named{s.connection(r), s.edge(r)} {
			if s.types[t.name] != nil {
				return nil, fmt.Errorf("graphql: two types are called %s", t.name)
			}
			s.add(t)
		}
	}
	s.query = s.add(&named{kind: object, name: "Query", doc: "What can be asked of the whole system.", make: s.queryFields})
	for _, t := range s.introspection() {
		s.add(t)
	}
	_, err := catalog.Parse("", []search.Pair{{Name: "_filter", Value: `_id eq "1"`}}, search.ParseOptions{})
	s.filters = err == nil
	s.pointing = sync.OnceValue(s.findPointing)
	return s, nil
}

var searchKinds = []definitions.SearchType{
	definitions.SearchNumber, definitions.SearchDate, definitions.SearchString, definitions.SearchToken, definitions.SearchReference,
	definitions.SearchComposite, definitions.SearchQuantity, definitions.SearchURI, definitions.SearchSpecial,
}

func (s *Schema) add(t *named) *named {
	t.schema = s
	s.types[t.name] = t
	return t
}

// reach adds a type of FHIR and all that it is made of.
func (s *Schema) reach(t *definitions.Type) error {
	if s.byType[t] != nil {
		return nil
	}
	name := graphName(t)
	if t.Kind == definitions.Primitive {
		if s.types[name] == nil {
			s.add(&named{kind: scalar, name: name, fhir: t})
		}
		s.byType[t] = s.types[name]
		return nil
	}
	if s.types[name] != nil {
		return fmt.Errorf("graphql: two types of FHIR are called %s", name)
	}
	n := s.add(&named{kind: object, name: name, fhir: t})
	s.byType[t] = n
	n.make = func() []*field { return s.fhirFields(n) }
	if t.Kind == definitions.Resource && t.Abstract {
		n.kind = abstract
	}
	for base := t.Base; base != nil && base.Kind == definitions.Resource; base = base.Base {
		if err := s.reach(base); err != nil {
			return err
		}
		above := s.byType[base]
		n.above = append(n.above, above)
		if n.kind == object {
			above.possible = append(above.possible, n)
		}
	}
	for _, p := range t.Properties() {
		if err := s.reach(p.Type); err != nil {
			return err
		}
	}
	return nil
}

// graphName is a type's name without dots: PatientContact of Patient.contact.
// Four primitives are the scalars of GraphQL.
func graphName(t *definitions.Type) string {
	if t.Kind == definitions.Primitive {
		switch t.Name {
		case "boolean":
			return "Boolean"
		case "integer":
			return "Int"
		case "string":
			return "String"
		case "id":
			return "ID"
		}
		return t.Name
	}
	var b strings.Builder
	for part := range strings.SplitSeq(t.Name, ".") {
		b.WriteString(upper(part))
	}
	return b.String()
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (t *named) fill() {
	t.once.Do(func() {
		if t.make != nil {
			t.list = t.make()
		}
		t.by = make(map[string]*field, len(t.list))
		for _, f := range t.list {
			t.by[f.name] = f
		}
	})
}

// fields are those that introspection lists.
func (t *named) fields() []*field {
	t.fill()
	return t.list
}

// field finds a field by name, nil when there is none.
func (t *named) field(name string) *field {
	t.fill()
	if f := t.by[name]; f != nil {
		return f
	}
	if name == "__typename" {
		return &field{name: name, typ: typeRef{of: t.schema.types["String"], required: true}, source: fromTypename}
	}
	return t.schema.reverse(t, name)
}

// concrete are the types that a value of type t may have.
func (t *named) concrete() []*named {
	if t.kind == abstract {
		return t.possible
	}
	return []*named{t}
}

// is says whether a value of type t satisfies a type condition.
func (t *named) is(condition string) bool {
	return t.name == condition || slices.ContainsFunc(t.above, func(a *named) bool { return a.name == condition })
}

// names are the names of all types with fields, for suggestions.
func (s *Schema) names() []string {
	return slices.Sorted(maps.Keys(s.types))
}
