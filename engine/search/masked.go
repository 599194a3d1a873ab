package search

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/spec/definitions"
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
	if code, inner, ok := strings.Cut(p.Code, "#"); ok {
		typeName, of, _ := strings.Cut(inner, ".")
		return c.Touches(Param{Type: p.Type, Code: code}, paths) ||
			of != "" && c.Touches(Param{Type: strings.TrimSuffix(typeName, "*"), Code: of}, paths)
	}
	if code, part, ok := strings.Cut(p.Code, ":"); ok {
		return slices.ContainsFunc(c.having(p.Type, code), func(t string) bool { return mask.Tells(c.defs, t, code, part, paths) })
	}
	types := c.having(p.Type, p.Code)
	for _, t := range types {
		if def := c.defs.SearchParameter(t, p.Code); def != nil && len(paths) > 0 && !def.OfRelease() && c.wanders(def, t, paths) {
			return true
		}
	}
	for _, path := range paths {
		if (slices.Contains(types, path.Type()) || types[0] == System || types[0] == "") && c.defs.IsResource(path.Type()) && mask.Touches(c.defs, path.Type(), p.Code, []mask.Path{path}) {
			return true
		}
	}
	return false
}

// having are the types whose parameter a search over a type asks: all that have it where
// it is over several; typeName itself when none has.
func (c *Catalog) having(typeName, code string) (types []string) {
	if typeName == System || typeName == "" {
		for _, t := range c.defs.ResourceTypes() {
			if c.defs.SearchParameter(t, code) != nil {
				types = append(types, t)
			}
		}
	}
	if types == nil {
		return []string{typeName}
	}
	return types
}

// wanders says whether a parameter that is not of the release may select what paths name
// where mask.Touches does not look: what references tell, what is in other resources, and
// whatever is no plain path from the type.
func (c *Catalog) wanders(def *definitions.SearchParameter, typeName string, paths []mask.Path) bool {
	telling := mask.Referring(paths)
	texts := telling && (def.Type == definitions.SearchString || def.Type == definitions.SearchComposite)
	expressions := []string{def.Expression}
	for _, part := range def.Components {
		for _, focus := range splitUnion(def.Expression) {
			expressions = append(expressions, "("+focus+")."+part.Expression)
		}
	}
	for _, expression := range expressions {
		for _, alternative := range splitUnion(expression) {
			selected, err := parsePaths(c.defs, alternative)
			if err != nil {
				if root := firstName(alternative); c.isResource(root) && !c.concerns(root, typeName) {
					continue
				}
				return true
			}
			for _, one := range selected {
				switch {
				case one.root == "":
					return true
				case c.concerns(one.root, typeName) && c.leaves(one, telling, texts):
					return true
				}
			}
		}
	}
	return false
}

// leaves says whether a path goes into other resources or, with telling, to the display or
// the identifier of a reference; with texts also by ending in what may be a reference.
func (c *Catalog) leaves(p path, telling, texts bool) bool {
	for i, s := range p.steps {
		before := path{root: p.root, steps: p.steps[:i]}
		ends := c.endTypes(before)
		if i > 0 && slices.ContainsFunc(ends, c.isResource) {
			return true
		}
		if telling && slices.Contains(ends, "Reference") && (s.name == "display" || s.name == "identifier") {
			return true
		}
	}
	ends := c.endTypes(p)
	return texts && (slices.Contains(ends, "Reference") || slices.Contains(ends, "Extension"))
}
