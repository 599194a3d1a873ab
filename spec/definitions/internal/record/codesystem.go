package record

import (
	"github.com/go-json-experiment/json/jsontext"
)

// CodeSystem is a CodeSystem.
type CodeSystem struct {
	Canonical
	Content          string // complete, fragment, example, not-present, supplement
	CaseInsensitive  bool
	ValueSet         string
	Supplements      string
	Hierarchy        string
	VersionAlgorithm string // R5: a code, or a FHIRPath expression
	Properties       []Property
	Concepts         []Concept
}

// Property is CodeSystem.property: what a property of concepts means.
type Property struct{ Code, URI, Description, Type string }

// Concept is a concept of a code system or a value set, in the order of the
// definition: a child follows its parent, one level deeper.
type Concept struct {
	Code, Display, Definition string
	Level                     int
	Properties                []ConceptProperty
	Designations              []Designation
	Extensions                []Extension
}

// ConceptProperty is CodeSystem.concept.property. Type is the name that the
// value has in JSON ("valueCode"); the Value of a Coding is its code, and
// Coding, else nil, is all of it.
type ConceptProperty struct {
	Code, Type, Value string
	Coding            *Coding
}

func (s *Set) addCodeSystem(data []byte) error {
	var in struct {
		canonicalJSON
		Content          string         `json:"content"`
		ValueSet         string         `json:"valueSet"`
		Supplements      string         `json:"supplements"`
		HierarchyMeaning string         `json:"hierarchyMeaning"`
		CaseSensitive    *bool          `json:"caseSensitive"`
		AlgorithmString  string         `json:"versionAlgorithmString"`
		AlgorithmCoding  jsontext.Value `json:"versionAlgorithmCoding"`
		Property         []struct {
			Code        string `json:"code"`
			URI         string `json:"uri"`
			Description string `json:"description"`
			Type        string `json:"type"`
		} `json:"property"`
		Concept conceptsJSON `json:"concept"`
	}
	if err := unmarshal(data, &in); err != nil {
		return err
	}
	out := CodeSystem{
		Canonical: in.record(), Content: in.Content, ValueSet: in.ValueSet, Supplements: in.Supplements, Hierarchy: in.HierarchyMeaning,
		CaseInsensitive:  in.CaseSensitive != nil && !*in.CaseSensitive,
		VersionAlgorithm: in.AlgorithmString + text(in.AlgorithmCoding),
		Concepts:         in.Concept.list,
	}
	for _, p := range in.Property {
		out.Properties = append(out.Properties, Property(p))
	}
	s.CodeSystems = append(s.CodeSystems, out)
	return nil
}

func (c *coder) codeSystem(s *CodeSystem) {
	c.canonical(&s.Canonical)
	c.string(&s.Content)
	c.string(&s.ValueSet)
	c.string(&s.Supplements)
	c.string(&s.Hierarchy)
	c.string(&s.VersionAlgorithm)
	c.bools(&s.CaseInsensitive)
	slice(c, &s.Properties, (*coder).property)
	slice(c, &s.Concepts, (*coder).concept)
}

func (c *coder) property(p *Property) {
	c.string(&p.Code)
	c.string(&p.URI)
	c.string(&p.Description)
	c.string(&p.Type)
}

func (c *coder) concept(v *Concept) {
	c.string(&v.Code)
	c.string(&v.Display)
	c.string(&v.Definition)
	c.int(&v.Level)
	slice(c, &v.Properties, (*coder).conceptProperty)
	more := len(v.Designations)+len(v.Extensions) > 0
	if c.bools(&more); more {
		slice(c, &v.Designations, (*coder).designation)
		slice(c, &v.Extensions, (*coder).extension)
	}
}

func (c *coder) conceptProperty(p *ConceptProperty) {
	c.string(&p.Code)
	c.string(&p.Type)
	c.string(&p.Value)
	if p.Type == "valueCoding" {
		optional(c, &p.Coding, (*coder).coding)
	}
}
