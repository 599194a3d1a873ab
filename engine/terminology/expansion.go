package terminology

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Expansion is an expanded value set.
type Expansion struct {
	Stamp
	ValueSet   *ValueSet
	Definition bool // the compose is wanted as well
	Total      int
	Offset     int // -1: none
	Parameters []Parameter
	Properties []definitions.PropertyOf
	Contains   []Contained
	// Fragments are code systems of which only a part is at hand.
	Fragments []string
}

// Contained is one code of an expansion.
type Contained struct {
	System, Version, Code, Display string
	Abstract, Inactive             bool
	Designations                   []definitions.Designation
	Properties                     []definitions.ConceptValue
	Extensions                     []definitions.Extension
	Contains                       []Contained
}

func (e *expanding) result() (*Expansion, error) {
	out := &Expansion{Stamp: e.r.Stamp, ValueSet: e.root, Definition: e.r.IncludeDefinition, Total: e.total, Offset: -1, Fragments: e.used.fragments}
	if e.paged() {
		out.Offset = max(e.r.Offset, 0)
	}
	properties := slices.Clone(e.r.Properties)
	for _, p := range e.root.Properties {
		note(&properties, p)
	}
	versioned := e.root.mixesVersions()
	made := make([]Contained, len(e.page))
	for i := range e.page {
		made[i] = e.contained(&e.page[i], properties, versioned)
		e.declare(out, &e.page[i], made[i].Properties)
	}
	out.Contains = made
	if !e.r.ExcludeNested && !e.paged() && len(e.words) == 0 && len(e.root.excludes) == 0 {
		out.Contains = nest(e.page, made)
	}
	out.Parameters = e.parameters()
	return out, nil
}

// mixesVersions are the systems that occur in several versions.
func (v *ValueSet) mixesVersions() map[string]bool {
	first, out := map[string]string{}, map[string]bool{}
	for _, in := range append(slices.Clip(v.includes), v.excludes...) {
		if in.System == "" {
			continue
		}
		if version, ok := first[in.System]; ok && version != in.Version {
			out[in.System] = true
		}
		first[in.System] = in.Version
	}
	return out
}

// contained renders an item.
func (e *expanding) contained(it *item, properties []string, versioned map[string]bool) Contained {
	c := Contained{System: it.system, Code: it.code}
	if versioned[it.system] {
		c.Version = it.version
	}
	names := it.names()
	at := e.r.Languages.choose(names)
	if at >= 0 {
		c.Display = names[at].Value
	}
	if e.r.IncludeDesignations || len(e.r.Designations) > 0 {
		for i := range names {
			n := &names[i]
			if i == at || n.base && n.Value == c.Display || n.listed || !e.wanted(n) {
				continue
			}
			c.Designations = append(c.Designations, n.told())
		}
	}
	if it.sys != nil {
		c.Abstract, c.Inactive = it.sys.abstract(it.index), it.sys.inactive(it.index)
	}
	c.Extensions = it.extensions()
	c.Properties = it.properties(properties)
	return c
}

// wanted says whether the request asks for a designation.
func (e *expanding) wanted(n *name) bool {
	if len(e.r.Designations) == 0 {
		return true
	}
	return slices.ContainsFunc(e.r.Designations, func(token string) bool {
		system, code, ok := strings.Cut(token, "|")
		if !ok {
			system, code = languageTags, token
		}
		if system == languageTags {
			return strings.EqualFold(code, n.Language)
		}
		return n.Use.System == system && n.Use.Code == code
	})
}

// parameters are what made the expansion what it is.
func (e *expanding) parameters() []Parameter {
	var out []Parameter
	add := func(name, typ, value string) { out = append(out, Parameter{Name: name, Type: typ, Text: value}) }
	for _, p := range e.r.Given {
		add(p.Name, p.Type, p.Text)
	}
	if l := e.r.Languages.Text; l != "" && !slices.ContainsFunc(out, func(p Parameter) bool { return p.Name == "displayLanguage" }) {
		add("displayLanguage", "valueCode", l)
	}
	for _, r := range e.used.rules {
		add(r.parameter, "valueUri", r.canonical)
	}
	if e.merged || e.root.parameters["versionsMatch"] == "true" {
		add("versionsMatch", "valueBoolean", "true")
	}
	for name, list := range map[string][]string{
		"used-codesystem": e.used.systems, "used-valueset": e.used.valueSets, "used-supplement": e.used.supplements, "used-fragment": e.used.fragments,
	} {
		for _, c := range list {
			add(name, "valueUri", c)
		}
	}
	for _, r := range append([]reference{{"ValueSet", &e.root.Canonical}}, e.used.status...) {
		if word := r.warning(&e.root.Canonical); word != "" {
			add("warning-"+word, "valueUri", canonical(r.URL, r.Version))
		}
	}
	slices.SortStableFunc(out, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// warning is the state of a resource that its users should know of, "" when
// there is none. What root itself is, it does not warn of in others.
func (r *reference) warning(root *definitions.Canonical) string {
	status := extensionValue(r.Extensions, standardsStatus)
	switch {
	case status == "deprecated" || status == "withdrawn":
		return status
	case r.Status == "retired":
		return "retired"
	case r.Experimental == "true" && root.Experimental != "true":
		return "experimental"
	case (r.Status == "draft" || status == "draft") && root.Status != "draft":
		return "draft"
	}
	return ""
}
