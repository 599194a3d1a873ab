package search

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// partsOf are the elements of the types whose every part is a string entry
// (§3.1.1.4.8), in the order in which they are read.
var partsOf = map[string][]string{
	"HumanName": {"prefix", "given", "family", "suffix"},
	"Address":   {"line", "city", "district", "state", "postalCode", "country"},
}

// findParts finds the string parameters about names and addresses of which
// other parameters select parts, as family and given do of name: those parts are
// found under the others, and all else under the parameter itself, which is one
// of its own origins. A parameter that selects just what another one does has
// no values of its own. Only what the standard itself defines is looked at: a
// guide's parameter for one more part does not move what is stored of the name.
func (c *Catalog) findParts(shapes []shape) {
	for i, s := range shapes {
		parts := c.partNames(s)
		if parts == nil {
			continue
		}
		if j := slices.IndexFunc(shapes[:i], func(o shape) bool { return s.same(o) }); j >= 0 {
			if s.Of = shapes[j].Of; s.Of == "" {
				s.Of = (&Origin{s.Type, shapes[j].Code, ""}).String()
			}
			continue
		}
		of := []string{(&Origin{s.Type, s.Code, ""}).String()}
		for _, part := range parts {
			if j := slices.IndexFunc(shapes, func(o shape) bool { return s.selects(o, part) }); j >= 0 {
				s.elsewhere = append(s.elsewhere, part)
				of = append(of, (&Origin{s.Type, shapes[j].Code, ""}).String())
			}
		}
		if len(of) > 1 {
			slices.Sort(of)
			s.Of = strings.Join(of, ",")
		}
	}
}

// partNames are the parts of what s selects, when that is one type of which
// every part is an entry.
func (c *Catalog) partNames(s shape) []string {
	if s.Kind != definitions.SearchString || s.Of != "" || !s.standard() {
		return nil
	}
	var parts []string
	for _, p := range s.all {
		if p.root == "" {
			return nil
		}
		types := c.endTypes(p)
		if len(types) != 1 || partsOf[types[0]] == nil || parts != nil && &parts[0] != &partsOf[types[0]][0] {
			return nil
		}
		parts = partsOf[types[0]]
	}
	return parts
}

// standard says whether the parameter is FHIR's own.
func (p *parameter) standard() bool {
	return strings.HasPrefix(p.def.URL, "http://hl7.org/fhir/SearchParameter/")
}

// same says whether o selects what s does.
func (s shape) same(o shape) bool {
	return o.Kind == s.Kind && o.standard() && len(o.paths) == len(s.paths) && !slices.ContainsFunc(s.all, func(p path) bool { return !o.paths[p.key()] })
}

// selects says whether o selects just the part called name of what s does.
func (s shape) selects(o shape, name string) bool {
	return o.Kind == s.Kind && o.standard() && o.Of == "" && len(o.paths) == len(s.paths) && !slices.ContainsFunc(s.all, func(p path) bool {
		return !o.paths[each([]path{p}, step{kind: stepChild, name: name})[0].key()]
	})
}
