package terminology

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Translation is what maps say of codes.
type Translation struct {
	Result  bool
	Message string
	Matches []Match
}

// Match is one target.
type Match struct {
	Relationship string // R5's
	Equivalence  string // R4's
	Concept      definitions.Coding
	Map          string // canonical of the map it comes from
	MapURL       string
	DependsOn    []definitions.MapDependency
	Products     []definitions.MapDependency
	Comment      string
}

// relations are R4's equivalences and R5's relationship that says the same.
var relations = []struct{ r4, r5 string }{
	{"equivalent", "equivalent"}, {"equal", "equivalent"}, {"relatedto", "related-to"},
	{"wider", "source-is-narrower-than-target"}, {"subsumes", "source-is-narrower-than-target"},
	{"narrower", "source-is-broader-than-target"}, {"specializes", "source-is-broader-than-target"},
	{"inexact", "related-to"}, {"disjoint", "not-related-to"}, {"unmatched", "not-related-to"},
}

func relationship(r string) string {
	for _, p := range relations {
		if p.r4 == r {
			return p.r5
		}
	}
	return r
}

func equivalence(r string) string {
	for _, p := range relations {
		if p.r4 == r {
			return r
		}
	}
	for _, p := range relations {
		if p.r5 == r {
			return p.r4
		}
	}
	return r
}

// inverse is the relationship seen from the target.
func inverse(r string) string {
	r = relationship(r)
	switch {
	case strings.HasPrefix(r, "source-is-narrower"):
		return "source-is-broader-than-target"
	case strings.HasPrefix(r, "source-is-broader"):
		return "source-is-narrower-than-target"
	}
	return r
}

// Parameters renders a translation as the parameters of the answer, by the
// names of a release.
func (t *Translation) Parameters(r definitions.Release) []Parameter {
	out := []Parameter{{Name: "result", Type: "valueBoolean", Text: boolText(t.Result)}}
	if t.Message != "" {
		out = append(out, Parameter{Name: "message", Type: "valueString", Text: t.Message})
	}
	for i := range t.Matches {
		out = append(out, t.Matches[i].parameter(r == definitions.R5))
	}
	return out
}

func (m *Match) parameter(r5 bool) Parameter {
	p := Parameter{Name: "match"}
	add := func(q Parameter) { p.Parts = append(p.Parts, q) }
	if r5 {
		add(Parameter{Name: "relationship", Type: "valueCode", Text: m.Relationship})
	} else {
		add(Parameter{Name: "equivalence", Type: "valueCode", Text: m.Equivalence})
	}
	if m.Concept != (definitions.Coding{}) {
		add(Parameter{Name: "concept", Type: "valueCoding", Coding: m.Concept})
	}
	if r5 {
		for _, d := range m.DependsOn {
			add(dependency("dependsOn", "attribute", d, true))
		}
	}
	for _, d := range m.Products {
		add(dependency("product", map[bool]string{true: "attribute", false: "element"}[r5], d, r5))
	}
	switch {
	case r5:
		add(Parameter{Name: "originMap", Type: "valueCanonical", Text: m.Map})
	case m.MapURL != "":
		add(Parameter{Name: "source", Type: "valueUri", Text: m.MapURL})
	}
	return p
}

func dependency(name, element string, d definitions.MapDependency, r5 bool) Parameter {
	value := Parameter{Name: "concept", Type: "valueCoding", Coding: definitions.Coding{System: d.System, Code: d.Value, Display: d.Display}}
	if r5 {
		value.Name = "value"
		if d.System == "" {
			value = Parameter{Name: "value", Type: "valueString", Text: d.Value}
		}
	}
	return Parameter{Name: name, Parts: []Parameter{{Name: element, Type: "valueUri", Text: d.Property}, value}}
}
