// Package record holds conformance resources as flat records: what the
// generator writes, what the embedded files hold, and what a FHIR package is
// read into. Records know nothing of each other; package definitions links
// them into tables.
package record

// Many is a cardinality of "*".
const Many = 1<<31 - 1

// Unset is a cardinality that a differential does not state.
const Unset = -1

// Structure is a StructureDefinition.
type Structure struct {
	URL, Version, Name, Title string
	Kind                      string // primitive-type, complex-type, resource, logical
	Type                      string
	Base                      string // canonical of baseDefinition
	Derivation                string // specialization, constraint
	Abstract                  bool
	Differential              bool // Elements are a differential: there was no snapshot
	Contexts                  []string
	ContextInvariants         []string
	Elements                  []Element
}

// Element is an ElementDefinition.
type Element struct {
	ID, Path, SliceName string
	Min, Max            int
	BasePath            string
	Types               []TypeRef
	Binding             *Binding
	Invariants          []Invariant
	ContentReference    string // path of the element it refers to
	Summary             bool
	Modifier            bool
	Attribute           bool
	MustSupport         bool
	Slicing             *Slicing
	Fixed, Pattern      string // JSON text; "" when absent
	ValueType           string // type of Fixed or Pattern: "CodeableConcept"
	MaxLength           int
	MinValue, MaxValue  string // JSON text
	MustHaveValue       bool
	ValueAlternatives   []string
	NarrativeLanguages  []string // that a narrative must have sections in, or _no, _yes, _resource
	NarrativeSource     string   // how bad it is when a narrative does not say where it comes from
	Regex               string   // pattern extension on the type of a primitive's value
}

// TypeRef is ElementDefinition.type.
type TypeRef struct {
	Code           string
	Profiles       []string
	TargetProfiles []string
}

// Binding is ElementDefinition.binding.
type Binding struct{ Strength, ValueSet string }

// Invariant is ElementDefinition.constraint.
type Invariant struct {
	Key, Severity, Human, Expression string
	BestPractice                     bool
}

// Slicing is ElementDefinition.slicing.
type Slicing struct {
	Discriminators []Discriminator
	Rules          string
	Ordered        bool
}

// Discriminator is ElementDefinition.slicing.discriminator.
type Discriminator struct{ Type, Path string }

// SearchParameter is a SearchParameter.
type SearchParameter struct {
	URL, Version, Name, Code, Type string
	Base, Targets                  []string
	Expression                     string
	Human                          string
	Components                     []SearchComponent
}

// SearchComponent is SearchParameter.component.
type SearchComponent struct{ Definition, Expression string }

// Compartment is a CompartmentDefinition.
type Compartment struct {
	URL, Code string
	Resources []CompartmentResource
}

// CompartmentResource is CompartmentDefinition.resource.
type CompartmentResource struct {
	Code   string
	Params []string
}

// Operation is an OperationDefinition.
type Operation struct {
	URL, Version, Name, Code, Human      string
	Resources                            []string
	System, TypeLevel, Instance, Affects bool
	Query                                bool
	Parameters                           []OperationParameter
}

// OperationParameter is OperationDefinition.parameter.
type OperationParameter struct {
	Name     string
	In       bool
	Min, Max int
	Type     string
	Parts    []OperationParameter
}

// Set is all records of one release or package.
type Set struct {
	Name, Version, FHIRVersion string
	Structures                 []Structure
	Parameters                 []SearchParameter
	Compartments               []Compartment
	Operations                 []Operation
	ValueSets                  []ValueSet
	CodeSystems                []CodeSystem
	ConceptMaps                []ConceptMap
	Topics                     [][]byte // of subscriptions, as they stand in a package
	Guides                     []string // canonicals of ImplementationGuides, with their versions
	Globals                    []Global
}

// Global is ImplementationGuide.global.
type Global struct{ Type, Profile string }
