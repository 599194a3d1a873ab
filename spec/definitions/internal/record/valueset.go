package record

import "github.com/go-json-experiment/json/jsontext"

// ValueSet is a ValueSet.
type ValueSet struct {
	Canonical
	Includes, Excludes []Include
	Inactive           string   // compose.inactive as written, "" when it is absent
	Properties         []string // R5: compose.property
	// ComposeExtensions are those of compose itself.
	ComposeExtensions []Extension
	// Expansion holds the codes of an expansion that came with the value set.
	Expansion []Code
	Expanded  bool
	Contained []ValueSet // value sets in the resource, URL being "#" and the id
}

// Include is ValueSet.compose.include or exclude.
type Include struct {
	System, Version string
	Concepts        []Concept
	Filters         []Filter
	ValueSets       []string
}

// Filter is ValueSet.compose.include.filter.
type Filter struct {
	Property string `json:"property"`
	Op       string `json:"op"`
	Value    string `json:"value"`
}

// Code is one entry of an expansion.
type Code struct {
	System, Version, Code, Display string
	Abstract, Inactive             bool
}

type includeJSON struct {
	System  string `json:"system"`
	Version string `json:"version"`
	Concept []struct {
		Code        string            `json:"code"`
		Display     string            `json:"display"`
		Designation []designationJSON `json:"designation"`
		Extension   extensionsJSON    `json:"extension"`
	} `json:"concept"`
	Filter   []Filter `json:"filter"`
	ValueSet []string `json:"valueSet"`
}

type containsJSON struct {
	System   string         `json:"system"`
	Version  string         `json:"version"`
	Code     string         `json:"code"`
	Display  string         `json:"display"`
	Abstract bool           `json:"abstract"`
	Inactive bool           `json:"inactive"`
	Contains []containsJSON `json:"contains"`
}

func (s *Set) addValueSet(data []byte) error {
	var in struct {
		canonicalJSON
		ID      string `json:"id"`
		Compose struct {
			Include   []includeJSON  `json:"include"`
			Exclude   []includeJSON  `json:"exclude"`
			Inactive  *bool          `json:"inactive"`
			Property  []string       `json:"property"`
			Extension extensionsJSON `json:"extension"`
		} `json:"compose"`
		Expansion *struct {
			Contains []containsJSON `json:"contains"`
		} `json:"expansion"`
		Contained []jsontext.Value `json:"contained"`
	}
	if err := unmarshal(data, &in); err != nil {
		return err
	}
	out := ValueSet{
		Canonical: in.record(), Includes: includes(in.Compose.Include), Excludes: includes(in.Compose.Exclude),
		Properties: in.Compose.Property, ComposeExtensions: in.Compose.Extension,
	}
	if in.Compose.Inactive != nil {
		out.Inactive = "false"
		if *in.Compose.Inactive {
			out.Inactive = "true"
		}
	}
	if in.Expansion != nil {
		out.Expanded = true
		out.Expansion = contains(nil, in.Expansion.Contains)
	}
	for _, v := range in.Contained {
		var head struct {
			ID string `json:"id"`
		}
		inner := new(Set)
		if err := unmarshal(v, &head); err != nil {
			return err
		}
		if err := inner.Add(v); err != nil {
			return err
		}
		for _, set := range inner.ValueSets {
			set.URL = "#" + head.ID
			out.Contained = append(out.Contained, set)
		}
	}
	s.ValueSets = append(s.ValueSets, out)
	return nil
}

func includes(in []includeJSON) []Include {
	var out []Include
	for _, i := range in {
		include := Include{System: i.System, Version: i.Version, Filters: i.Filter, ValueSets: i.ValueSet}
		for _, c := range i.Concept {
			include.Concepts = append(include.Concepts, Concept{
				Code: c.Code, Display: c.Display, Designations: designations(c.Designation), Extensions: c.Extension,
			})
		}
		out = append(out, include)
	}
	return out
}

func contains(out []Code, in []containsJSON) []Code {
	for _, c := range in {
		if c.Code != "" {
			out = append(out, Code{System: c.System, Version: c.Version, Code: c.Code, Display: c.Display, Abstract: c.Abstract, Inactive: c.Inactive})
		}
		out = contains(out, c.Contains)
	}
	return out
}

func (c *coder) valueSet(v *ValueSet) {
	c.canonical(&v.Canonical)
	c.bools(&v.Expanded)
	c.string(&v.Inactive)
	c.strings(&v.Properties)
	slice(c, &v.ComposeExtensions, (*coder).extension)
	slice(c, &v.Includes, (*coder).include)
	slice(c, &v.Excludes, (*coder).include)
	slice(c, &v.Expansion, (*coder).code)
	slice(c, &v.Contained, (*coder).valueSet)
}

func (c *coder) include(i *Include) {
	c.string(&i.System)
	c.string(&i.Version)
	slice(c, &i.Concepts, (*coder).concept)
	slice(c, &i.Filters, (*coder).filter)
	c.strings(&i.ValueSets)
}

func (c *coder) filter(f *Filter) {
	c.string(&f.Property)
	c.string(&f.Op)
	c.string(&f.Value)
}

func (c *coder) code(v *Code) {
	c.string(&v.System)
	c.string(&v.Version)
	c.string(&v.Code)
	c.string(&v.Display)
	c.bools(&v.Abstract, &v.Inactive)
}
