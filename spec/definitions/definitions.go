// Package definitions holds a FHIR release as tables: types, elements, search
// parameters, compartments, operations, value sets. A release is data: there
// is no code per type. Everything here is immutable once loaded and safe for
// concurrent use.
package definitions

// Release is a FHIR release by its major name, as stored with each resource.
type Release string

// The releases that Ingle knows by name; R4 and R4B are built in.
const (
	R4  Release = "R4"  // 4.0.1
	R4B Release = "R4B" // 4.3.0
	R5  Release = "R5"  // 5.0.0
)

// Many is Element.Max for "*".
const Many = 1<<31 - 1

// Kind is StructureDefinition.kind.
type Kind uint8

// Kinds of type. A Backbone is the content model of an element that defines
// its own children ("Patient.contact").
const (
	Primitive Kind = iota + 1
	Complex
	Resource
	Backbone
	Logical
)

// Type is the content model of one FHIR type: what may stand in it.
type Type struct {
	Name     string // "Patient", "HumanName", "string"; a Backbone's is its path: "Patient.contact"
	URL      string // canonical of the StructureDefinition; "" for a Backbone
	Kind     Kind
	Abstract bool
	Base     *Type      // nil for Element, Resource, Base
	Elements []*Element // children in order of definition, inherited ones first
	Regex    string     // primitives: the pattern of the value, unanchored; "" when none
	// Invariants that apply to each instance of the type.
	Invariants []*Invariant

	properties properties
}

// Property returns what a JSON property name means in this type, without a
// leading underscore: "valueQuantity" is element "value" with type Quantity.
func (t *Type) Property(name string) (*Property, bool) { return find(&t.properties, name) }

// PropertyOf is Property for a name in bytes; it does not allocate.
func (t *Type) PropertyOf(name []byte) (*Property, bool) { return find(&t.properties, name) }

// Properties lists all properties in the order of their elements.
func (t *Type) Properties() []*Property { return t.properties.list }

// Element returns the child element called name ("value" for "value[x]"), or nil.
func (t *Type) Element(name string) *Element {
	for _, e := range t.Elements {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Is says whether the type is name or derives from it (Patient is
// DomainResource, Age is Quantity).
func (t *Type) Is(name string) bool {
	for ; t != nil; t = t.Base {
		if t.Name == name {
			return true
		}
	}
	return false
}

// PropertyID numbers the properties of one Definitions from 1; 0 is none.
type PropertyID uint32

// Property is an element with the type that a JSON property name chose.
type Property struct {
	ID      PropertyID
	Name    string // "valueQuantity"
	Element *Element
	Type    *Type // content model; for an element of type Resource, that abstract type
}

// Element is one child in a content model.
type Element struct {
	Path       string // "Observation.value[x]"
	Name       string // "value"
	Min, Max   int    // Max is Many for "*"
	Choice     bool   // [x]
	Types      []TypeRef
	Binding    *Binding // nil when unbound
	Invariants []*Invariant
	Summary    bool
	Modifier   bool
	Attribute  bool // an XML attribute (Element.id, Extension.url)
	XHTML      bool // Narrative.div
	Order      int  // index in Type.Elements
	MaxLength  int  // characters allowed in a string; 0 for no limit
}

// Repeats says whether the element is an array in JSON.
func (e *Element) Repeats() bool { return e.Max > 1 }

// TypeRef is one alternative type of an element.
type TypeRef struct {
	Code    string   // "Quantity"; for elements with own children the Backbone's name
	Type    *Type    // resolved; never nil after loading
	Targets []string // Reference and canonical: resource type names allowed ("Patient"); empty for any
	// Profiles are the canonical URLs of profiles on the type itself.
	Profiles []string
}

// Binding ties an element to a value set.
type Binding struct {
	Strength string // required, extensible, preferred, example
	ValueSet string // canonical, perhaps with |version
}

// Invariant is a constraint in FHIRPath.
type Invariant struct {
	Key        string // "dom-3"
	Severity   string // error, warning
	Human      string
	Expression string
	// BestPractice marks guidance that a validator reports but never enforces.
	BestPractice bool
}

// SearchType is SearchParameter.type.
type SearchType string

// The search parameter types.
const (
	SearchNumber    SearchType = "number"
	SearchDate      SearchType = "date"
	SearchString    SearchType = "string"
	SearchToken     SearchType = "token"
	SearchReference SearchType = "reference"
	SearchComposite SearchType = "composite"
	SearchQuantity  SearchType = "quantity"
	SearchURI       SearchType = "uri"
	SearchSpecial   SearchType = "special"
)

// SearchParameter is one search parameter.
type SearchParameter struct {
	URL        string
	Code       string
	Type       SearchType
	Base       []string // resource types, as defined: may hold Resource, DomainResource
	Expression string   // FHIRPath; "" for special ones
	Targets    []string // reference: types it may point to
	Components []SearchComponent
	Name       string // computer-friendly name; "" in some packages
	Version    string
	Human      string
	Added      bool   // by WithParameters, not by a package
	Package    string // that it is of, "hl7.fhir.us.core 7.0.0"; "" for what is built in
	Core       bool   // a release's own, not of what was laid over it
}

// OfRelease says whether p is a release's own, whose targets are those of what it selects.
func (p *SearchParameter) OfRelease() bool { return !p.Added && (p.Package == "" || p.Core) }

// SearchComponent is one part of a composite parameter.
type SearchComponent struct {
	Definition string // canonical of the part's SearchParameter
	Expression string // FHIRPath relative to the composite's own expression
}

// Compartment is a CompartmentDefinition as a table.
type Compartment struct {
	Code string // "Patient"
	// Params maps a resource type to the search parameters that tie it to the
	// compartment; a type that is absent is not part of it. "{def}" means the
	// resource itself.
	Params map[string][]string
}

// Operation is an OperationDefinition.
type Operation struct {
	URL        string
	Version    string
	Name       string
	Code       string // "everything", without $
	Resources  []string
	System     bool
	TypeLevel  bool
	Instance   bool
	Affects    bool // affectsState
	Query      bool // a named query, not an operation
	Human      string
	Parameters []OperationParameter
}

// OperationParameter is OperationDefinition.parameter.
type OperationParameter struct {
	Name     string
	In       bool // an input; otherwise an output
	Min, Max int  // Max is Many for "*"
	Type     string
	Parts    []OperationParameter
}

// Package names a FHIR package that was loaded.
type Package struct{ Name, Version string }
