package definitions

// Definitions is one FHIR release with the packages loaded on top of it.
// It is immutable and safe for concurrent use.
type Definitions struct {
	Release Release
	Version string // "4.0.1"

	types       map[string]*Type
	resources   []string
	properties  []*Property // index is PropertyID; [0] is nil
	params      map[string][]*SearchParameter
	paramByCode map[string]map[string]*SearchParameter
	compartment map[string]*Compartment
	operations  []*Operation
}

// Type returns the content model called name, a Backbone's being its path,
// or nil.
func (d *Definitions) Type(name string) *Type { return d.types[name] }

// IsResource says whether name is a concrete resource type.
func (d *Definitions) IsResource(name string) bool {
	t := d.types[name]
	return t != nil && t.Kind == Resource && !t.Abstract
}

// ResourceTypes lists the concrete resource types, sorted.
func (d *Definitions) ResourceTypes() []string { return d.resources }

// Property returns the property numbered id, nil for 0.
func (d *Definitions) Property(id PropertyID) *Property { return d.properties[id] }

// SearchParameters lists the parameters of a resource type, those of its base
// types included, sorted by code.
func (d *Definitions) SearchParameters(resourceType string) []*SearchParameter {
	return d.params[resourceType]
}

// SearchParameter returns the parameter code of a resource type, or nil.
func (d *Definitions) SearchParameter(resourceType, code string) *SearchParameter {
	return d.paramByCode[resourceType][code]
}

// Compartment returns the compartment called code ("Patient"), or nil.
func (d *Definitions) Compartment(code string) *Compartment { return d.compartment[code] }

// Operations lists the operations defined.
func (d *Definitions) Operations() []*Operation { return d.operations }
