package search

import (
	"slices"

	"github.com/inglehealth/ingle/engine/mask"
)

// Touches says whether a search by a parameter may tell of an element that one of
// paths names.
func (c *Catalog) Touches(p Param, paths []mask.Path) bool {
	if slices.ContainsFunc(p.Origins(), func(o Origin) bool { return c.Touches(Param{Type: o.Type, Code: o.Code}, paths) }) {
		return true
	}
	for _, path := range paths {
		if (p.Type == path.Type() || p.Type == System || p.Type == "") && c.defs.IsResource(path.Type()) && mask.Touches(c.defs, path.Type(), p.Code, []mask.Path{path}) {
			return true
		}
	}
	return false
}
