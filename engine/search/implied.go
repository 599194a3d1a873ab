package search

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// impliedSystem returns the code system of an element of type code: the only
// one that the value set of its required binding draws from, or "". So
// gender=http://hl7.org/fhir/administrative-gender|male is found although the
// resource has just "male" (§3.1.1.4.10).
func (c *Catalog) impliedSystem(n fhir.Node) string {
	e := n.Element()
	if e == nil || e.Binding == nil || e.Binding.Strength != "required" {
		return ""
	}
	if system, ok := c.implied.Load(e.Binding.ValueSet); ok {
		return system.(string)
	}
	system := onlySystem(c.defs, e.Binding.ValueSet, 0)
	c.implied.Store(e.Binding.ValueSet, system)
	return system
}

// onlySystem returns the code system that all codes of a value set are from,
// or "" when there are several or they are not known.
func onlySystem(d *definitions.Definitions, canonical string, depth int) string {
	vs := d.ValueSet(canonical)
	if vs == nil || depth > 4 {
		return ""
	}
	system := ""
	for _, include := range vs.Includes {
		candidates := []string{include.System}
		if include.System == "" {
			candidates = candidates[:0]
			for _, other := range include.ValueSets {
				candidates = append(candidates, onlySystem(d, other, depth+1))
			}
		}
		for _, one := range candidates {
			one, _, _ = strings.Cut(one, "|")
			if one == "" || system != "" && one != system {
				return ""
			}
			system = one
		}
	}
	return system
}
