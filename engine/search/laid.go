package search

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Unusable is a search parameter of a package that resources of some type, or
// of any, cannot be searched by.
type Unusable struct {
	*definitions.SearchParameter
	Reason string
}

// Unusable lists the search parameters of packages that cannot be searched by, each
// with the first reason why. One of a release that is a package is among them
// only if it does for no resource type, as its expressions may be meant for some.
func (c *Catalog) Unusable() []Unusable {
	var all []Unusable
	for _, def := range c.defs.LoadedParameters() {
		if reason := c.unusable(def); reason != "" {
			all = append(all, Unusable{def, reason})
		}
	}
	return all
}

func (c *Catalog) unusable(def *definitions.SearchParameter) string {
	if len(def.Base) == 0 {
		return "it has no base, which says what resource types have it"
	}
	for _, base := range def.Base {
		if !c.isResource(base) {
			return fmt.Sprintf("its base %q is no resource type of %s", base, c.defs.Release)
		}
	}
	if def.Core && answered(def.Code) {
		return ""
	}
	first := ""
	for _, t := range c.defs.ResourceTypes() {
		if !slices.ContainsFunc(def.Base, func(base string) bool { return c.concerns(base, t) }) {
			continue
		}
		problem := ""
		if def.Core {
			problem = c.coreProblem(def, t)
		} else {
			problem = c.laidProblem(def, t)
		}
		switch {
		case problem == "" && def.Core:
			return ""
		case problem != "" && !def.Core:
			return problem
		case first == "":
			first = problem
		}
	}
	return first
}

// coreProblem says why resources of a type cannot be searched by a parameter of a
// release that is a package, "" when they can.
func (c *Catalog) coreProblem(def *definitions.SearchParameter, typeName string) string {
	p := parameter{Param: Param{Type: typeName, Code: def.Code, Kind: def.Type}, def: def}
	c.check(&typeCatalog{name: typeName}, &p)
	if p.problem != "" {
		return p.problem
	}
	return c.laidProblem(c.meant(def), typeName)
}

// meant is a parameter with the components that it means, which must be known.
func (c *Catalog) meant(def *definitions.SearchParameter) *definitions.SearchParameter {
	meant := *def
	meant.Components = slices.Clone(def.Components)
	for i, part := range def.Components {
		meant.Components[i].Definition = c.componentDefinition(def, part).URL
	}
	return &meant
}

var searchTypes = []definitions.SearchType{
	definitions.SearchNumber, definitions.SearchDate, definitions.SearchString, definitions.SearchToken, definitions.SearchReference,
	definitions.SearchComposite, definitions.SearchQuantity, definitions.SearchURI, definitions.SearchSpecial,
}

// laidProblem says why resources of a type cannot be searched by a parameter of
// a package, "" when they can.
func (c *Catalog) laidProblem(def *definitions.SearchParameter, typeName string) string {
	switch {
	case !slices.Contains(searchTypes, def.Type):
		return fmt.Sprintf("its type %q is none of number, date, string, token, reference, composite, quantity, uri, special", def.Type)
	case def.Type == definitions.SearchSpecial:
		if c.selectsPositions(def) {
			return ""
		}
		return "parameters of type special are not supported"
	}
	d := defining{c: c, SearchParameter: *def, types: []string{typeName}}
	d.expressions()
	var reasons []string
	for _, i := range d.issues {
		reasons = append(reasons, i.Message)
	}
	return strings.Join(reasons, "; ")
}
