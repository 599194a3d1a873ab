package search

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
)

// findOnce finds the date parameters of which a resource has at most one value:
// those about one element of the resource that does not repeat. A Timing is one
// value, its outer limits.
func (c *Catalog) findOnce(t *typeCatalog) {
	for _, p := range t.list {
		s, ok := c.shapeOf(p)
		p.Once = ok && p.Kind == definitions.SearchDate && c.once(s)
	}
}

func (c *Catalog) once(s shape) bool {
	content := c.defs.Type(s.Type)
	if content == nil {
		return false
	}
	var element string
	for _, p := range s.all {
		if p.resource || len(p.steps) == 0 || p.steps[0].kind != stepChild || element != "" && p.steps[0].name != element ||
			slices.ContainsFunc(p.steps[1:], func(s step) bool { return s.kind != stepType }) {
			return false
		}
		element = p.steps[0].name
	}
	e := content.Element(element)
	return e != nil && !e.Repeats()
}
