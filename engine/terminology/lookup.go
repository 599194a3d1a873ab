package terminology

import (
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// LookupRequest is CodeSystem/$lookup (R4 §4.8.18.1).
type LookupRequest struct {
	Options
	Coding     definitions.Coding
	CodeSystem *CodeSystem // on an instance
	Properties []string    // "*" for all; none for the usual ones
}

// Lookup tells of a code: name and version of its code system, display,
// designations and properties, as the parameters of the answer. A code that is
// not known is a NotFound.
func (s *Service) Lookup(ctx context.Context, r LookupRequest) ([]Parameter, error) {
	if r.CodeSystem != nil {
		r.Resources.codeSystems = append(slices.Clip(r.Resources.codeSystems), r.CodeSystem)
		r.Coding.System, r.Coding.Version = r.CodeSystem.URL, r.CodeSystem.Version
	}
	if r.Coding.System == "" || r.Coding.Code == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "say what to look up: code and system, or coding")
	}
	sc := s.scope(ctx, &r.Options)
	if err := sc.prepare(nil); err != nil {
		return nil, err
	}
	sys, err := sc.codeSystem(r.Coding.System, sc.version(r.Coding.System, r.Coding.Version).asked)
	if missing, ok := errors.AsType[*unknownSystem](err); ok {
		if g := grammars[r.Coding.System]; g != nil && r.Coding.Version == "" {
			return lookUpByGrammar(r.Coding, g)
		}
		return nil, refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", missing.id(""), "%s", missing.message("so the code cannot be looked up"))
	}
	if err != nil {
		return nil, err
	}
	i, _, ok := sys.find(r.Coding.Code)
	if !ok {
		return nil, refuse(fault.NotFound, fault.CodeNotFound, "", "invalid-code", "Unknown_Code_in_Version",
			"Unknown code '%s' in the CodeSystem '%s' version '%s'", fault.Shorten(r.Coding.Code), sys.URL, sys.Version)
	}
	return sc.tell(sys, i, &r), nil
}

func lookUpByGrammar(c definitions.Coding, g func(string) Answer) ([]Parameter, error) {
	if g(c.Code) != Yes {
		return nil, refuse(fault.NotFound, fault.CodeNotFound, "", "invalid-code", "Unknown_Code_in_Version",
			"Unknown code '%s' in the CodeSystem '%s'", fault.Shorten(c.Code), fault.Shorten(c.System))
	}
	return []Parameter{
		{Name: "name", Type: "valueString", Text: c.System}, {Name: "display", Type: "valueString", Text: c.Code},
		{Name: "code", Type: "valueCode", Text: c.Code}, {Name: "system", Type: "valueUri", Text: c.System},
	}, nil
}

func (s *scope) tell(sys *system, i int32, r *LookupRequest) []Parameter {
	concept := &sys.Concepts[i]
	it := &item{sys: sys, index: i, system: sys.URL, version: sys.Version, code: concept.Code}
	title := sys.Name
	if title == "" {
		title = sys.URL
	}
	out := []Parameter{{Name: "name", Type: "valueString", Text: title}}
	if sys.Version != "" {
		out = append(out, Parameter{Name: "version", Type: "valueString", Text: sys.Version})
	}
	names := it.names()
	display := concept.Display
	if at := r.Languages.choose(names); at >= 0 {
		display = names[at].Value
	}
	if display == "" {
		display = concept.Code
	}
	out = append(out,
		Parameter{Name: "display", Type: "valueString", Text: display},
		Parameter{Name: "code", Type: "valueCode", Text: concept.Code},
		Parameter{Name: "system", Type: "valueUri", Text: sys.URL},
		Parameter{Name: "abstract", Type: "valueBoolean", Text: boolText(sys.abstract(i))})
	if concept.Definition != "" {
		out = append(out, Parameter{Name: "definition", Type: "valueString", Text: concept.Definition})
	}
	all := len(r.Properties) == 0
	if all || wants(r.Properties, "designation") {
		for n := range names {
			out = append(out, names[n].parameter())
		}
	}
	for _, c := range s.used.supplements {
		out = append(out, Parameter{Name: "used-supplement", Type: "valueCanonical", Text: c})
	}
	return append(out, sys.tellProperties(i, r.Properties)...)
}

func wants(properties []string, name string) bool {
	return slices.Contains(properties, "*") || slices.Contains(properties, name)
}

func (n *name) parameter() Parameter {
	p := Parameter{Name: "designation"}
	if n.Language != "" {
		p.Parts = append(p.Parts, Parameter{Name: "language", Type: "valueCode", Text: n.Language})
	}
	if n.Use != (definitions.Coding{}) {
		p.Parts = append(p.Parts, Parameter{Name: "use", Type: "valueCoding", Coding: n.Use})
	}
	p.Parts = append(p.Parts, Parameter{Name: "value", Type: "valueString", Text: n.Value})
	if n.supplement != nil {
		p.Parts = append(p.Parts, Parameter{Name: "source", Type: "valueCanonical", Text: canonical(n.supplement.URL, n.supplement.Version)})
	}
	return p
}

// tellProperties are the properties of a concept that are asked for, "*" for
// all; unasked, whether it is inactive.
func (s *system) tellProperties(i int32, asked []string) []Parameter {
	if len(asked) == 0 {
		asked = []string{"inactive"}
	}
	var out []Parameter
	for _, name := range s.propertyNames(i) {
		if !wants(asked, name) {
			continue
		}
		for _, v := range s.property(i, name) {
			p := Parameter{Name: "property", Parts: []Parameter{{Name: "code", Type: "valueCode", Text: name}, valueOf(v)}}
			if name == "parent" || name == "child" {
				if j, ok := s.byCode[v.Value]; ok && s.Concepts[j].Display != "" {
					p.Parts = append(p.Parts, Parameter{Name: "description", Type: "valueString", Text: s.Concepts[j].Display})
				}
			}
			out = append(out, p)
		}
	}
	return out
}

func valueOf(v definitions.ConceptValue) Parameter {
	p := Parameter{Name: "value", Type: v.Type, Text: v.Value}
	if v.Coding != nil {
		p.Coding = *v.Coding
	}
	return p
}

// propertyNames are the properties that a concept has.
func (s *system) propertyNames(i int32) []string {
	out := []string{"inactive", "parent", "child"}
	add := func(cs *CodeSystem, j int32) {
		for _, p := range cs.Concepts[j].Properties {
			note(&out, p.Code)
		}
	}
	add(s.CodeSystem, i)
	for _, sup := range s.supplements {
		if j, _, ok := sup.find(s.Concepts[i].Code); ok {
			add(sup, j)
		}
	}
	return out
}
