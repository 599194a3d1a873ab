package search

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Origin is a parameter whose values are those of another one, too.
type Origin struct {
	Type, Code string
	// Target, if not "", says that only references to this resource type are.
	Target string
}

// Origins are the parameters that p's values are found under: see Param.Of.
func (p Param) Origins() []Origin {
	if p.Of == "" {
		return nil
	}
	parts := strings.Split(p.Of, ",")
	origins := make([]Origin, len(parts))
	for i, part := range parts {
		name, target, _ := strings.Cut(part, ":")
		typeName, code, _ := strings.Cut(name, ".")
		origins[i] = Origin{typeName, code, target}
	}
	return origins
}

// target is the one type that all of p's values refer to; "" when they need not.
func (p Param) target() string {
	only := ""
	for i, o := range p.Origins() {
		if o.Target == "" || i > 0 && o.Target != only {
			return ""
		}
		only = o.Target
	}
	return only
}

// Names says whether an entry of a resource of p's type is one of p's: its
// own, or of the parameters that p unites.
func (p Param) Names(e *Entry) bool {
	if e.Param.Code == p.Code {
		return true
	}
	for _, s := range p.Origins() {
		if s.Target == "" && s.Code == e.Param.Code && s.Type == e.Param.Type {
			return true
		}
	}
	return false
}

// unites says whether p has no entries of its own.
func (p Param) unites() bool {
	return p.Of != "" && !slices.ContainsFunc(p.Origins(), func(o Origin) bool { return o.Target != "" || o.Code == p.Code && o.Type == p.Type })
}

// shape is what a parameter selects, as far as that decides whether its values
// are those of others.
type shape struct {
	*parameter
	parts  string          // of a composite: what its components select
	target string          // the type in where(resolve() is ...), at the end of every path
	paths  map[string]bool // without that
	all    []path          // those of the expression that concern the type
}

// Over is the parameter called code of several types, which all have it, of the
// same kind: with the origins of each.
func (c *Catalog) Over(types []string, code string) Param {
	p := c.lookup(types[0]).params[code].Param
	if len(types) == 1 {
		return p
	}
	var origins []string
	for _, t := range types {
		if of := c.lookup(t).params[code].Of; of != "" {
			origins = append(origins, of)
		}
	}
	p.Type, p.Once, p.Of = System, false, strings.Join(origins, ",")
	return p
}

// anyReference is the code of what AnyOf makes of several parameters.
const anyReference = "_anyReference"

// AnyOf is a parameter for the references of some others, of whatever types: they are
// asked together what is asked of each. No client can ask for it.
func AnyOf(params []Param) Param {
	if len(params) == 1 {
		return params[0]
	}
	var origins []string
	for _, p := range params {
		origins = append(origins, (&Origin{Type: p.Type, Code: p.Code}).String())
		if p.Of != "" {
			origins = append(origins, p.Of)
		}
	}
	return Param{Type: System, Code: anyReference, Kind: definitions.SearchReference, Of: strings.Join(origins, ",")}
}

// findOrigins finds the parameters of a type whose values others have as well:
// those that select just what several others of the same kind select together,
// and those that select of what others select the references to one type. The
// others have values of their own.
func (c *Catalog) findOrigins(t *typeCatalog) {
	var shapes []shape
	for _, p := range t.list {
		if s, ok := c.shapeOf(p); ok {
			shapes = append(shapes, s)
		}
	}
	slices.SortStableFunc(shapes, func(a, b shape) int {
		return cmp.Or(strings.Compare(a.target, b.target), cmp.Compare(len(a.paths), len(b.paths)))
	})
	for i, s := range shapes {
		left := maps.Clone(s.paths)
		var of []string
		for _, o := range slices.Backward(shapes[:i]) {
			if o.target != "" || o.Of != "" || o.Kind != s.Kind || o.parts != s.parts || !s.covers(o) {
				continue
			}
			before := len(left)
			maps.DeleteFunc(left, func(path string, _ bool) bool { return o.paths[path] })
			if len(left) < before {
				of = append(of, (&Origin{t.name, o.Code, s.target}).String())
			}
		}
		if len(left) == 0 {
			slices.Sort(of)
			s.Of = strings.Join(of, ",")
		}
	}
	c.findParts(shapes)
}

// covers says whether s selects all that o selects, and more where s does not
// choose among it.
func (s shape) covers(o shape) bool {
	for path := range o.paths {
		if !s.paths[path] {
			return false
		}
	}
	return s.target != "" || len(o.paths) < len(s.paths)
}

func (s *Origin) String() string {
	text := s.Type + "." + s.Code
	if s.Target != "" {
		text += ":" + s.Target
	}
	return text
}

// shapeOf is ok when p's expression is nothing but paths. What is added to the
// definitions leaves the values of others where they are.
func (c *Catalog) shapeOf(p *parameter) (s shape, ok bool) {
	if p.problem != "" || !p.indexed() || p.overTexts() || p.def.Added {
		return s, false
	}
	s = shape{parameter: p, paths: map[string]bool{}}
	for _, alternative := range splitUnion(p.def.Expression) {
		paths, err := parsePaths(c.defs, alternative)
		if err != nil {
			if root := firstName(alternative); c.isResource(root) && !c.concerns(root, p.Type) {
				continue
			}
			return s, false
		}
		for _, one := range paths {
			if one.root != "" && !c.concerns(one.root, p.Type) {
				continue
			}
			target := ""
			if last := len(one.steps) - 1; p.Kind == definitions.SearchReference && last >= 0 && one.steps[last].kind == stepPointsTo {
				if !c.endsInReference(one) {
					return s, false
				}
				target, one.steps = one.steps[last].name, one.steps[:last]
			}
			if len(s.paths) > 0 && target != s.target {
				return s, false
			}
			s.target = target
			s.paths[one.key()] = true
			s.all = append(s.all, one)
		}
	}
	for _, part := range p.def.Components {
		s.parts += c.partKey(p.def, part)
	}
	return s, len(s.paths) > 0
}

// endsInReference says whether a path ends in elements that say themselves what
// they refer to.
func (c *Catalog) endsInReference(p path) bool {
	if p.root == "" {
		return false
	}
	for _, t := range c.endTypes(p) {
		if t != "Reference" && t != "CodeableReference" {
			return false
		}
	}
	return true
}

// partKey is the same for components that give the same parts of an element.
func (c *Catalog) partKey(whole *definitions.SearchParameter, part definitions.SearchComponent) string {
	def := c.componentDefinition(whole, part)
	if def == nil {
		return "?" + whole.URL
	}
	key := string(def.Type) + " " + part.Expression
	if paths, err := parsePaths(c.defs, part.Expression); err == nil {
		keys := make([]string, len(paths))
		for i := range paths {
			keys[i] = paths[i].root + paths[i].key()
		}
		slices.Sort(keys)
		key = string(def.Type) + " " + strings.Join(keys, "|")
	}
	return key + "\n"
}
