package definitions

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// Definitions is one FHIR release with the packages loaded on top of it.
// It is immutable and safe for concurrent use.
type Definitions struct {
	Release Release
	Version string // "4.0.1"

	base        *Definitions // what this was loaded on top of; nil for a release
	packages    []Package
	types       map[string]*Type
	resources   []string
	additional  []string
	properties  []*Property // index is PropertyID; [0] is nil
	params      map[string][]*SearchParameter
	paramByURL  map[string]*SearchParameter
	compartment map[string]*Compartment
	operations  []*Operation
	profiles    *profiles
	terminology *terminology
	topics      [][]byte
	globals     []record.Global
	guides      []string
}

// Type returns the content model called name, a Backbone's being its path,
// or nil.
func (d *Definitions) Type(name string) *Type { return d.types[name] }

// TypeOf returns the type that a canonical URL names
// ("http://hl7.org/fhir/StructureDefinition/Patient"), or nil.
func (d *Definitions) TypeOf(canonical string) *Type {
	url, _, _ := strings.Cut(canonical, "|")
	if t := d.types[strings.TrimPrefix(url, structureDefinition)]; t != nil && t.URL == url {
		return t
	}
	return nil
}

// IsResource says whether name is a concrete resource type.
func (d *Definitions) IsResource(name string) bool {
	t := d.types[name]
	return t != nil && t.Kind == Resource && !t.Abstract
}

// ResourceTypes lists the concrete resource types, sorted. The caller must
// not change the list.
func (d *Definitions) ResourceTypes() []string { return d.resources }

// Additional says whether a resource type is not the release's own, but one
// that a guide defines and every release can store: ViewDefinition of SQL on
// FHIR. The release's value sets of resource types do not have it.
func (d *Definitions) Additional(name string) bool { return slices.Contains(d.additional, name) }

// Property returns the property numbered id, nil for 0.
func (d *Definitions) Property(id PropertyID) *Property { return d.properties[id] }

// Properties is one more than the greatest PropertyID.
func (d *Definitions) Properties() int { return len(d.properties) }

// SearchParameters lists the parameters of a resource type, those of its base
// types included, sorted by code. With "Resource" it lists those that every
// type has. The caller must not change the list.
func (d *Definitions) SearchParameters(resourceType string) []*SearchParameter {
	return d.params[resourceType]
}

// SearchParameter returns the parameter code of a resource type, or nil.
func (d *Definitions) SearchParameter(resourceType, code string) *SearchParameter {
	list := d.params[resourceType]
	i, ok := slices.BinarySearchFunc(list, code, func(p *SearchParameter, code string) int {
		return strings.Compare(p.Code, code)
	})
	if !ok {
		return nil
	}
	return list[i]
}

// SearchParameterByURL returns the parameter with a canonical URL, or nil.
func (d *Definitions) SearchParameterByURL(canonical string) *SearchParameter {
	url, _, _ := strings.Cut(canonical, "|")
	for ; d != nil; d = d.base {
		if p := d.paramByURL[url]; p != nil {
			return p
		}
	}
	return nil
}

// Compartment returns the compartment called code ("Patient"), or nil.
func (d *Definitions) Compartment(code string) *Compartment { return d.compartment[code] }

// Operations lists the operations defined, those of later packages last.
func (d *Definitions) Operations() []*Operation { return d.operations }

// Operation returns the operation code ("everything") that a resource type
// has ("" for the system level), or nil.
func (d *Definitions) Operation(resourceType, code string) *Operation {
	for _, o := range slices.Backward(d.operations) {
		if o.Code != code || o.Query {
			continue
		}
		if resourceType == "" && o.System || slices.Contains(o.Resources, resourceType) ||
			resourceType != "" && (slices.Contains(o.Resources, "Resource") ||
				slices.Contains(o.Resources, "DomainResource") && d.types[resourceType].Is("DomainResource")) {
			return o
		}
	}
	return nil
}

// Guides are the canonicals of the ImplementationGuides that are laid over the release, with
// their versions.
func (d *Definitions) Guides() []string { return d.guides }

// Packages lists what was loaded, the release itself first.
func (d *Definitions) Packages() []Package { return d.packages }

// Topics are the topics of subscriptions in the packages that lie over the release, in
// their order, each as JSON: a SubscriptionTopic, or a Basic of that code. The caller
// must not change them.
func (d *Definitions) Topics() [][]byte { return d.topics }

// GlobalProfiles are the canonicals of the profiles that the guides which lie over the
// release set for all resources of a type.
func (d *Definitions) GlobalProfiles(resourceType string) []string {
	var out []string
	for _, g := range d.globals {
		if g.Type == resourceType && !slices.Contains(out, g.Profile) {
			out = append(out, g.Profile)
		}
	}
	return out
}

// link turns the records of a core package into a release.
func link(set *record.Set) (*Definitions, error) {
	d := &Definitions{
		Release:  ReleaseOf(set.FHIRVersion),
		Version:  set.FHIRVersion,
		packages: []Package{{Name: set.Name, Version: set.Version}},
	}
	var err error
	if d.additional, err = addTypes(set); err != nil {
		return nil, err
	}
	if d.types, d.properties, err = compileTypes(set.Structures); err != nil {
		return nil, err
	}
	for name, t := range d.types {
		if t.Kind == Resource && !t.Abstract {
			d.resources = append(d.resources, name)
		}
	}
	slices.Sort(d.resources)
	correct(d.Release, set.Parameters)
	d.addParameters(set.Parameters, "")
	d.addCompartments(set.Compartments)
	d.addOperations(set.Operations)
	return d, nil
}

// ReleaseOf names the release of a FHIR version ("4.0.1" is R4); a version
// that it does not know is its own name.
func ReleaseOf(version string) Release {
	switch {
	case strings.HasPrefix(version, "4.0"):
		return R4
	case strings.HasPrefix(version, "4.3"), strings.HasPrefix(version, "4.1"):
		return R4B
	case strings.HasPrefix(version, "5."):
		return R5
	case strings.HasPrefix(version, "6."):
		return "R6"
	case strings.HasPrefix(version, "3."):
		return "R3"
	}
	return Release(version)
}

func (d *Definitions) addCompartments(records []record.Compartment) {
	d.compartment = make(map[string]*Compartment, len(records))
	for _, r := range records {
		c := &Compartment{Code: r.Code, Params: make(map[string][]string, len(r.Resources))}
		for _, p := range r.Resources {
			c.Params[p.Code] = p.Params
		}
		// The resource that gives a compartment its name is in it, though R4
		// says so only of some.
		if own := c.Params[c.Code]; !slices.Contains(own, "{def}") {
			c.Params[c.Code] = append(slices.Clone(own), "{def}")
		}
		d.compartment[c.Code] = c
	}
}

func (d *Definitions) addOperations(records []record.Operation) {
	list := make([]*Operation, 0, len(d.operations)+len(records))
	list = append(list, d.operations...)
	for _, r := range records {
		list = append(list, &Operation{
			URL: r.URL, Version: r.Version, Name: r.Name, Code: r.Code, Human: r.Human, Resources: r.Resources,
			System: r.System, TypeLevel: r.TypeLevel, Instance: r.Instance, Affects: r.Affects, Query: r.Query,
			Parameters: operationParameters(r.Parameters),
		})
	}
	d.operations = list
}

func operationParameters(records []record.OperationParameter) []OperationParameter {
	if len(records) == 0 {
		return nil
	}
	out := make([]OperationParameter, len(records))
	for i, r := range records {
		out[i] = OperationParameter{Name: r.Name, In: r.In, Min: r.Min, Max: r.Max, Type: r.Type, Parts: operationParameters(r.Parts)}
	}
	return out
}
