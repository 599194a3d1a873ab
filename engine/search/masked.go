package search

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/mask"
)

// Touches says whether a search by a parameter may tell of an element that one of
// paths names, or of what references tell of it.
func (c *Catalog) Touches(p Param, paths []mask.Path) bool {
	if slices.ContainsFunc(p.Origins(), func(o Origin) bool { return c.Touches(Param{Type: o.Type, Code: o.Code}, paths) }) {
		return true
	}
	if (p.Code == codeText || p.Code == codeContent) && mask.Referring(paths) {
		return true
	}
	if code, part, ok := strings.Cut(p.Code, ":"); ok {
		typeName := p.Type
		if i := strings.LastIndexByte(code, '#'); i >= 0 {
			typeName, code, _ = strings.Cut(code[i+1:], ".")
		}
		return mask.Tells(c.defs, strings.TrimSuffix(typeName, "*"), code, part, paths)
	}
	for _, path := range paths {
		if (p.Type == path.Type() || p.Type == System || p.Type == "") && c.defs.IsResource(path.Type()) && mask.Touches(c.defs, path.Type(), p.Code, []mask.Path{path}) {
			return true
		}
	}
	return false
}
